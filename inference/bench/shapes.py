"""Named shapes: how large a model is, tensor by tensor. Its numbers are random, its speed real."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod

from inference.bench.errors import BenchError


@dataclass(frozen=True)
class Shape:
    """A decoder of the Qwen family whose output layer is its embedding (tied).

    `query_key_norms` sets Qwen3 apart from Qwen2, which has biases at q, k and v instead.
    """

    name: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    context: int = 32768
    query_key_norms: bool = False

    @property
    def architecture(self) -> str:
        return "qwen3" if self.query_key_norms else "qwen2"

    @property
    def parameters(self) -> int:
        return sum(prod(size) for _, size in self.tensors())

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names and sizes as transformers has them in a checkpoint, layer by layer."""
        yield "model.embed_tokens.weight", (self.vocabulary, self.hidden)
        for layer in range(self.layers):
            for name, size in self._layer():
                yield f"model.layers.{layer}.{name}", size
        yield "model.norm.weight", (self.hidden,)

    def config(self) -> dict:
        """The contents of `config.json`."""
        return {
            "architectures": [f"{self.architecture.capitalize()}ForCausalLM"],
            "model_type": self.architecture,
            "vocab_size": self.vocabulary,
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_size,
            "max_position_embeddings": self.context,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1e6,
            "hidden_act": "silu",
            "tie_word_embeddings": True,
            "dtype": "bfloat16",
        }

    def describe(self) -> dict:
        """What a made folder must have been made of to be used again."""
        return asdict(self)

    def _layer(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        yield "input_layernorm.weight", (self.hidden,)
        for name, rows in (("q", queries), ("k", keys), ("v", keys)):
            yield f"self_attn.{name}_proj.weight", (rows, self.hidden)
            if not self.query_key_norms:
                yield f"self_attn.{name}_proj.bias", (rows,)
        if self.query_key_norms:
            yield "self_attn.q_norm.weight", (self.head_size,)
            yield "self_attn.k_norm.weight", (self.head_size,)
        yield "self_attn.o_proj.weight", (self.hidden, queries)
        yield "post_attention_layernorm.weight", (self.hidden,)
        yield "mlp.gate_proj.weight", (self.intermediate, self.hidden)
        yield "mlp.up_proj.weight", (self.intermediate, self.hidden)
        yield "mlp.down_proj.weight", (self.hidden, self.intermediate)


SHAPES = {
    shape.name: shape
    for shape in (
        Shape("qwen2.5-0.5b", 24, 896, 4864, 14, 2, 64, 151936),
        Shape("qwen3-0.6b", 28, 1024, 3072, 16, 8, 128, 151936, 40960, query_key_norms=True),
        Shape("toy", 2, 64, 128, 4, 2, 16, 1024, 4096),
    )
}


def shape_named(name: str) -> Shape:
    """The shape of that name.

    Raises:
        BenchError: there is none.
    """
    if name not in SHAPES:
        raise BenchError(f"--shape {name} is unknown. There are: {', '.join(SHAPES)}.")
    return SHAPES[name]
