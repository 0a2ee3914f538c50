"""Matrix products behind one seam: call it with rows (rows, in), get rows (rows, out).

torch means to drop its quantised tensors (pytorch issue 184982), so they are named here only.
"""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F

Linear = Callable[[torch.Tensor], torch.Tensor]

SLAB = 32768  # output features of one product: packing holds them twice
PIECE = 1024  # output features converted at a time, which the processor's cache holds in float32


class FloatLinear:
    """A product in the weights' own precision. `weight` is (out, in), `bias` (out,)."""

    keeps_weight = True  # the tensor that it was made of

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self._weight, self._bias = weight, bias

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return F.linear(rows, self._weight, self._bias)


class Int8Linear:
    """int8 weights, one scale per output feature, times int8 activations, one scale per row.

    torch's kernel has one scale for all rows. So every row is divided by its largest magnitude
    first and multiplied by it after, and the kernel is told that all is within -1 and 1: a row's
    result is the same to the bit whatever its neighbours. Rows in and out are float32.

    Without VNNI the kernel adds pairs of products in 16 bits, where 8 bits times 8 bits saturate.
    Activations of 7 bits do not, but they change labels; so what 7 bits lose is multiplied too.
    """

    keeps_weight = False

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        slabs = weight.split(SLAB)
        self._widths = [len(slab) for slab in slabs]
        self._packed = [_pack(slab) for slab in slabs]
        self._bias = None if bias is None else bias.float()
        self._saturates = not _has_vnni()

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min_(torch.finfo(rows.dtype).tiny)
        scaled = rows / scale
        multiply = self._in_two_parts if self._saturates else self._in_one
        if len(self._packed) == 1:
            result = multiply(scaled, self._packed[0]).mul_(scale)
        else:  # straight to its place: two copies of all logits would be tens of megabytes
            result = rows.new_empty(len(rows), sum(self._widths))
            for packed, part in zip(self._packed, result.split(self._widths, dim=1), strict=True):
                torch.mul(multiply(scaled, packed), scale, out=part)
        return result if self._bias is None else result.add_(self._bias)

    def _in_one(self, rows: torch.Tensor, packed) -> torch.Tensor:
        return _product(rows, packed, 127)

    def _in_two_parts(self, rows: torch.Tensor, packed) -> torch.Tensor:
        coarse = (rows * 63).round() / 63
        lost = _product((rows - coarse) * 126, packed, 63)
        return _product(coarse, packed, 63).add_(lost, alpha=1 / 126)


def _product(rows: torch.Tensor, packed, levels: int) -> torch.Tensor:
    """Rows between -1 and 1 become whole numbers of 1 / levels, shifted to be positive."""
    product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
    return product(rows, 1 / levels, levels + 1, packed)


def int8_runs_here() -> bool:
    """Whether this torch has the kernels; they are those of x86 processors."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def int8_is_fast() -> bool:
    """Whether the kernels have instructions of their own here; AMX machines have VNNI too."""
    return int8_runs_here() and _has_vnni()


def bfloat16_is_fast() -> bool:
    """Whether this processor has instructions for products in bfloat16."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def _has_vnni() -> bool:
    """Of AVX-512: the kernels (FBGEMM's) know no other."""
    return torch.cpu.get_capabilities().get("avx512_vnni", False)


def _pack(weight: torch.Tensor):
    scales, numbers = torch.empty(len(weight)), torch.empty(weight.shape, dtype=torch.int8)
    for start in range(0, len(weight), PIECE):
        piece = slice(start, start + PIECE)
        rows = weight[piece].float()
        largest = torch.maximum(rows.amax(dim=1), rows.amin(dim=1).neg())
        scales[piece] = largest.clamp_min(torch.finfo(torch.float32).tiny) / 127
        numbers[piece] = rows.div_(scales[piece, None]).round_()
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*quantized tensor creation.*", UserWarning)
        quantised = torch._make_per_channel_quantized_tensor(numbers, scales.double(), zeros, 0)
    return torch.ops.quantized.linear_prepack(quantised, None)
