"""A checkpoint of the lean family read straight from its safetensors files.

transformers' own modules cost 0.07 GB and two seconds of imports, and would only be taken apart
again. What stands in for them looks like them as far as `weights.Taker` looks, and reads a tensor
when it is asked for. A checkpoint that is not plainly what its config says is left to transformers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from math import prod
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors import SafetensorError, safe_open

from inference.lean.mapped import MappedWeights

Shapes = dict[str, tuple[int, ...]]
EMBEDDING, HEAD, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"


def shapes(config) -> Shapes:
    """Names and sizes of all tensors of a model for which `weights.belongs` holds."""
    hidden, vocabulary = config.hidden_size, config.vocab_size
    tensors = {EMBEDDING: (vocabulary, hidden), NORM: (hidden,)}
    if not config.tie_word_embeddings:
        tensors[HEAD] = (vocabulary, hidden)
    for layer in range(config.num_hidden_layers):
        for name, size in _layer(config):
            tensors[f"model.layers.{layer}.{name}"] = size
    return tensors


def parameters(config) -> int:
    """How many numbers such a model has."""
    return sum(map(prod, shapes(config).values()))


class Checkpoint:
    """Stands in for a transformers module; its layers are read one by one.

    Use `opened`, which looks first whether the files hold what the config says.

    Args:
        dtype: what tensors become; None leaves them as they are stored.
    """

    def __init__(self, config, read: Callable[[str], torch.Tensor], device: torch.device):
        self.config, self.device = config, device
        self._embedding = _Weighted(read, EMBEDDING)
        self._head = None if config.tie_word_embeddings else _Weighted(read, HEAD)
        self.model = SimpleNamespace(
            layers=[_Branch(f"model.layers.{n}", read, config) for n in _layers(config)],
            norm=_Weighted(read, NORM),
            rotary_emb=SimpleNamespace(**_rotary(config, device)),
        )

    def get_input_embeddings(self):
        return self._embedding

    def get_output_embeddings(self):
        return self._head or self._embedding


def opened(
    config, files: Sequence[Path], dtype: torch.dtype | None, device: str
) -> Checkpoint | None:
    """The checkpoint in these files; None if they lack something or hold it in other sizes."""
    held = {}
    with suppress(SafetensorError, OSError):
        for path in files:
            file = safe_open(path, "pt")
            held |= dict.fromkeys(file.keys(), file)
    expected = shapes(config)
    if not all(name in held and _size(held[name], name) == expected[name] for name in expected):
        return None
    mapped = MappedWeights()

    def read(name: str) -> torch.Tensor:
        stored = held[name].get_tensor(name)
        made = stored.to(device=device, dtype=dtype or stored.dtype)
        if made is not stored:
            mapped.give_back(stored)
        return made

    return Checkpoint(config, read, torch.device(device))


class _Weighted:
    """A linear layer, a norm or an embedding, each tensor of which is read once."""

    bias = None

    def __init__(self, read: Callable[[str], torch.Tensor], weight: str, bias: str | None = None):
        self.weight = read(weight)
        if bias:
            self.bias = read(bias)

    @property
    def out_features(self) -> int:
        return len(self.weight)


class _Branch:
    """A part of a layer with its tensors' names; what is below it is read when it is asked for."""

    def __init__(self, path: str, read: Callable[[str], torch.Tensor], config):
        self._path, self._read, self._names = path, read, dict(_layer(config))
        self._config = config
        self.head_dim = _head_size(config)

    def __getattr__(self, name: str):
        path = f"{self._path}.{name}"
        inside = path.split(".", 3)[3]  # behind model.layers.N
        if f"{inside}.weight" in self._names:
            bias = f"{path}.bias" if f"{inside}.bias" in self._names else None
            return _Weighted(self._read, f"{path}.weight", bias)
        if any(each.startswith(f"{inside}.") for each in self._names):
            return _Branch(path, self._read, self._config)
        raise AttributeError(name)


def _layers(config) -> range:
    return range(config.num_hidden_layers)


def _layer(config) -> Iterator[tuple[str, tuple[int, ...]]]:
    hidden, wide, size = config.hidden_size, config.intermediate_size, _head_size(config)
    queries, keys = config.num_attention_heads * size, config.num_key_value_heads * size
    qwen2 = config.model_type == "qwen2"  # it has biases without saying so
    inputs = qwen2 or getattr(config, "attention_bias", False)
    yield "input_layernorm.weight", (hidden,)
    for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
        yield from _product(f"self_attn.{name}", rows, hidden, inputs)
    yield from _product("self_attn.o_proj", hidden, queries, inputs and not qwen2)
    if config.model_type == "qwen3":
        yield "self_attn.q_norm.weight", (size,)
        yield "self_attn.k_norm.weight", (size,)
    yield "post_attention_layernorm.weight", (hidden,)
    bias = getattr(config, "mlp_bias", False)
    yield from _product("mlp.gate_proj", wide, hidden, bias)
    yield from _product("mlp.up_proj", wide, hidden, bias)
    yield from _product("mlp.down_proj", hidden, wide, bias)


def _product(name: str, rows: int, columns: int, bias: bool):
    yield f"{name}.weight", (rows, columns)
    if bias:
        yield f"{name}.bias", (rows,)


def _head_size(config) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _size(file, name: str) -> tuple[int, ...]:
    return tuple(file.get_slice(name).get_shape())


def _rotary(config, device: torch.device) -> dict:
    """What transformers' rotary embedding holds: frequencies, and the scale of what they give."""
    kind = config.rope_parameters.get("rope_type", "default")
    if kind == "default":
        size = _head_size(config)
        steps = torch.arange(0, size, 2, dtype=torch.float) / size
        frequencies, scale = 1.0 / (config.rope_parameters["rope_theta"] ** steps), 1.0
    else:
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

        frequencies, scale = ROPE_INIT_FUNCTIONS[kind](config)
    return {"inv_freq": frequencies.to(device), "attention_scaling": scale}
