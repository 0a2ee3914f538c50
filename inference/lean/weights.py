"""Which models the lean forward knows, and how it takes their weights from transformers."""

from dataclasses import dataclass

import torch

from inference.lean.linear import FloatLinear, Int8Linear, Linear
from inference.lean.mapped import Embedding, MappedWeights, give_back_freed

MakeLinear = type[FloatLinear] | type[Int8Linear]

FAMILY = {"llama", "qwen2", "qwen3"}  # Qwen 1.5, 2 and 2.5 are all "qwen2"
ROPE_TYPES = ("default", "linear", "llama3", "yarn")  # their frequencies never change


@dataclass(frozen=True)
class Layer:
    """One decoder layer, its projections fused."""

    attention_norm: torch.Tensor  # (hidden,)
    qkv: Linear  # queries, keys and values of all heads, one after the other
    head_norm: torch.Tensor | None  # (query heads + key heads, head size), Qwen3's
    output: Linear
    mlp_norm: torch.Tensor  # (hidden,)
    gate_up: Linear
    down: Linear


def belongs(config) -> bool:
    """Whether the lean forward can run a model with this transformers config."""
    layers = getattr(config, "layer_types", None) or ["full_attention"]
    return (
        config.model_type in FAMILY
        and set(layers) == {"full_attention"}
        and config.hidden_act == "silu"
    )


def unknown_rope(config) -> str | None:
    """The scaling of positions that the lean forward does not know, if there is one."""
    kind = (config.rope_parameters or {}).get("rope_type", "default")
    return None if kind in ROPE_TYPES else kind


class Taker:
    """Takes weights out of a transformers module; norms and biases become `dtype`.

    What was fused or converted is let go at once, so that there are never two copies of all.
    """

    def __init__(self, linear: MakeLinear, dtype: torch.dtype):
        self._linear, self._dtype = linear, dtype
        self._mapped = MappedWeights()

    def layers(self, module) -> list[Layer]:
        """The decoder layers; the module has none afterwards."""
        layers, decoder = [], module.model
        for index, source in enumerate(decoder.layers):
            layers.append(self._layer(source))
            decoder.layers[index] = torch.nn.Identity()
            give_back_freed()
        return layers

    def linear(self, *projections) -> Linear:
        """One product for several projections of the same rows."""
        weights = [each.weight.detach() for each in projections]
        biases = [each.bias.detach() for each in projections if each.bias is not None]
        weight = weights[0] if len(weights) == 1 else torch.cat(weights)
        made = self._linear(weight, torch.cat(biases).to(self._dtype) if biases else None)
        if len(weights) > 1 or not made.keeps_weight:
            for each in weights:
                self._mapped.give_back(each)
        return made

    def embedding(self, module, head: Linear) -> Embedding:
        """The rows of token ids; a head that keeps the same matrix reads all of it anyway."""
        weight = module.get_input_embeddings().weight.detach()
        tied = weight.data_ptr() == module.get_output_embeddings().weight.data_ptr()
        return Embedding(weight, self._mapped, whole=tied and head.keeps_weight)

    def norm(self, module) -> torch.Tensor:
        return module.weight.detach().to(self._dtype)

    def _layer(self, source) -> Layer:
        attention, mlp = source.self_attn, source.mlp
        return Layer(
            attention_norm=self.norm(source.input_layernorm),
            qkv=self.linear(attention.q_proj, attention.k_proj, attention.v_proj),
            head_norm=self._head_norm(attention),
            output=self.linear(attention.o_proj),
            mlp_norm=self.norm(source.post_attention_layernorm),
            gate_up=self.linear(mlp.gate_proj, mlp.up_proj),
            down=self.linear(mlp.down_proj),
        )

    def _head_norm(self, attention) -> torch.Tensor | None:
        if not hasattr(attention, "q_norm"):
            return None
        size = attention.head_dim
        queries = attention.q_proj.out_features // size
        keys = attention.k_proj.out_features // size
        rows = (
            self.norm(attention.q_norm).expand(queries, -1),
            self.norm(attention.k_norm).expand(keys, -1),
        )
        return torch.cat(rows)
