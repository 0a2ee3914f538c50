"""The made model as a GGUF file in Q8_0, tensor by tensor, for llama.cpp.

Names and keys: ggml-org/llama.cpp, docs/gguf.md and the Qwen2 and Qwen3 architectures. Matrices
are Q8_0 (blocks of 32 with a scale), the embedding included; vectors stay float32.
"""

import json
from collections.abc import Callable
from math import prod
from pathlib import Path

from inference.bench import vocabulary
from inference.bench.arms import Setting
from inference.bench.folders import require_room, unwritable
from inference.bench.shapes import Shape

BLOCK, BLOCK_BYTES = 32, 34  # numbers, and bytes they take in Q8_0
ROWS = 4096  # quantised at a time
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def path(setting: Setting) -> Path:
    """Where the file is kept. Its shape's folder goes when that is made again, and it with it."""
    return setting.folder / "model.q8_0.gguf"


def ensure(setting: Setting, progress: Callable[[float], None]) -> Path:
    """The file, made if it is not there; `progress` gets the share done.

    Raises:
        BenchError: the cache cannot be written or has no room.
    """
    whole = path(setting)
    if whole.exists():
        return whole
    part = whole.with_suffix(".part")
    try:
        require_room(setting.cache, setting.shape.parameters * BLOCK_BYTES // BLOCK)
        _write(part, setting.shape, setting.folder, progress)
        part.rename(whole)
    except OSError as error:
        raise unwritable(setting.cache, error) from error
    finally:
        part.unlink(missing_ok=True)
    return whole


def gguf_name(name: str) -> str:
    """What llama.cpp calls a tensor of transformers' checkpoint."""
    if name in TOP:
        return TOP[name]
    _, _, layer, *part, kind = name.split(".")
    return f"blk.{layer}.{PARTS['.'.join(part)]}.{kind}"


def _write(target: Path, shape: Shape, folder: Path, progress: Callable[[float], None]) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(target, shape.architecture)
    try:
        _describe(writer, shape)
        _add_vocabulary(writer, folder)
        for name, size in shape.tensors():
            _announce(writer, gguf_name(name), size)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        _write_tensors(writer, shape, folder, progress)
    finally:
        writer.close()


def _describe(writer, shape: Shape) -> None:
    from gguf import GGML_QUANT_VERSION, LlamaFileType

    writer.add_name(shape.name)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_rope_freq_base(shape.config()["rope_theta"])
    writer.add_layer_norm_rms_eps(shape.config()["rms_norm_eps"])
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(GGML_QUANT_VERSION)


def _add_vocabulary(writer, folder: Path) -> None:
    from gguf import TokenType

    model = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    entries = sorted(model["vocab"], key=model["vocab"].get)
    special = set(vocabulary.SPECIAL)
    kinds = [TokenType.CONTROL if each in special else TokenType.NORMAL for each in entries]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(entries)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in model["merges"]])
    writer.add_eos_token_id(entries.index(vocabulary.END))
    writer.add_pad_token_id(entries.index(vocabulary.END_OF_TEXT))
    writer.add_add_bos_token(False)


def _announce(writer, name: str, size: tuple[int, ...]) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType as Kind

    if len(size) == 1:
        writer.add_tensor_info(name, size, np.dtype(np.float32), 4 * size[0], Kind.F32)
        return
    stored = (size[0], size[1] // BLOCK * BLOCK_BYTES)  # a row as bytes
    writer.add_tensor_info(name, stored, np.dtype(np.uint8), prod(stored), Kind.Q8_0)


def _write_tensors(writer, shape: Shape, folder: Path, progress: Callable[[float], None]) -> None:
    from safetensors import safe_open

    done = 0
    with safe_open(folder / "model.safetensors", framework="pt") as weights:
        for name, size in shape.tensors():
            writer.write_tensor_data(_stored(weights.get_slice(name), size))
            done += prod(size)
            progress(done / shape.parameters)


def _stored(tensor, size: tuple[int, ...]):
    """The tensor as it lies in the file; a matrix is quantised a few thousand rows at a time."""
    import numpy as np
    from gguf import GGMLQuantizationType as Kind
    from gguf import quantize

    if len(size) == 1:
        return tensor[:].float().numpy()
    stored = np.empty((size[0], size[1] // BLOCK * BLOCK_BYTES), np.uint8)
    for start in range(0, size[0], ROWS):
        rows = tensor[start : start + ROWS].float().numpy()
        stored[start : start + ROWS] = quantize(rows, Kind.Q8_0)
    return stored
