"""Random weights in a safetensors file, written piece by piece: no tensor is ever whole in memory.

The format: 8 bytes length, so much JSON, then the tensors without a gap (huggingface/safetensors).
"""

import json
import struct
from collections.abc import Callable, Iterator
from math import prod
from pathlib import Path

from inference.bench.shapes import Shape
from inference.bench.vocabulary import FIRST_WORD

BFLOAT16 = 2  # bytes
PIECE = 4 << 20  # numbers drawn at a time
SPREAD = 0.02  # standard deviation, as the family is initialised
QUIET = 1e-3  # of the rows that must never be an answer, against the others


def file_bytes(shape: Shape) -> int:
    """How large the file will be."""
    return len(_header(shape)) + BFLOAT16 * shape.parameters


def write(path: Path, shape: Shape, seed: int, progress: Callable[[float], None]) -> None:
    """Write the weights of `shape`; `progress` gets the share done, 0 to 1.

    The embedding's rows of everything that is no word are tiny. The output layer is the same
    matrix, so no greedy reply ever ends early or writes what would be read as other tokens.
    """
    import torch

    random = torch.Generator().manual_seed(seed)
    done, whole = 0, shape.parameters
    with path.open("wb") as file:
        file.write(_header(shape))
        for name, size in shape.tensors():
            for piece in _pieces(name, size, random):
                file.write(piece.bfloat16().view(torch.uint8).numpy().tobytes())
                done += piece.numel()
                progress(done / whole)


def _pieces(name: str, size: tuple[int, ...], random) -> Iterator:
    """The tensor `name` in row-major order, flat, a few million numbers at a time."""
    import torch

    if "norm" in name:
        yield torch.ones(size)
        return
    rows, width = size[0], prod(size[1:])
    step = max(1, PIECE // width)
    for start in range(0, rows, step):
        piece = SPREAD * torch.randn(min(step, rows - start), width, generator=random)
        if "embed" in name and start < FIRST_WORD:
            piece[: FIRST_WORD - start] *= QUIET
        yield piece.flatten()


def _header(shape: Shape) -> bytes:
    described, end = {"__metadata__": {"format": "pt"}}, 0
    for name, size in shape.tensors():
        start, end = end, end + BFLOAT16 * prod(size)
        described[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [start, end]}
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return struct.pack("<Q", len(text)) + text
