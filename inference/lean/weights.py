"""Which models the lean forward knows, and how it takes their weights from transformers."""

from dataclasses import dataclass

import torch

from inference.lean.linear import Linear, MakeLinear

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


def take_layers(module, linear: MakeLinear, dtype: torch.dtype) -> list[Layer]:
    """Take the decoder layers out of a transformers module, one at a time.

    Each is dropped from the module as soon as it was taken, so that no two copies of all weights
    are ever in memory. Norms and biases become `dtype`.
    """
    layers, decoder = [], module.model
    for index, source in enumerate(decoder.layers):
        layers.append(_take(source, linear, dtype))
        decoder.layers[index] = torch.nn.Identity()
    return layers


def _take(source, linear: MakeLinear, dtype: torch.dtype) -> Layer:
    attention, mlp = source.self_attn, source.mlp
    return Layer(
        attention_norm=_plain(source.input_layernorm.weight).to(dtype),
        qkv=_fused(linear, dtype, attention.q_proj, attention.k_proj, attention.v_proj),
        head_norm=_head_norm(attention, dtype),
        output=_fused(linear, dtype, attention.o_proj),
        mlp_norm=_plain(source.post_attention_layernorm.weight).to(dtype),
        gate_up=_fused(linear, dtype, mlp.gate_proj, mlp.up_proj),
        down=_fused(linear, dtype, mlp.down_proj),
    )


def _fused(linear: MakeLinear, dtype: torch.dtype, *projections) -> Linear:
    weights = [_plain(each.weight) for each in projections]
    biases = [_plain(each.bias).to(dtype) for each in projections if each.bias is not None]
    weight = weights[0] if len(weights) == 1 else torch.cat(weights)
    return linear(weight, torch.cat(biases) if biases else None)


def _head_norm(attention, dtype: torch.dtype) -> torch.Tensor | None:
    if not hasattr(attention, "q_norm"):
        return None
    size = attention.head_dim
    queries = _plain(attention.q_norm.weight).expand(attention.q_proj.out_features // size, -1)
    keys = _plain(attention.k_norm.weight).expand(attention.k_proj.out_features // size, -1)
    return torch.cat((queries, keys)).to(dtype)


def _plain(parameter: torch.Tensor) -> torch.Tensor:
    return parameter.detach()
