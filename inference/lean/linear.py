"""Matrix products behind one seam: call it with rows (rows, in), get rows (rows, out).

torch means to drop its quantised tensors (pytorch issue 184982), so they are named here only.
"""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F

Linear = Callable[[torch.Tensor], torch.Tensor]

SLAB = 32768  # output features converted at a time: a vocabulary in float32 is half a gigabyte


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
        self._packed = [_pack(slab) for slab in weight.split(SLAB)]
        self._bias = None if bias is None else bias.float()
        self._saturates = not _has_vnni()

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
        scaled = rows / scale
        result = self._in_two_parts(scaled) if self._saturates else self._product(scaled, 127)
        result *= scale
        return result if self._bias is None else result.add_(self._bias)

    def _in_two_parts(self, rows: torch.Tensor) -> torch.Tensor:
        coarse = (rows * 63).round() / 63
        lost = self._product((rows - coarse) * 126, 63)
        return self._product(coarse, 63).add_(lost, alpha=1 / 126)

    def _product(self, rows: torch.Tensor, levels: int) -> torch.Tensor:
        """Rows between -1 and 1 become whole numbers of 1 / levels, shifted to be positive."""
        product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        parts = [product(rows, 1 / levels, levels + 1, packed) for packed in self._packed]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def int8_runs_here() -> bool:
    """Whether this torch has the kernels; they are those of x86 processors."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def int8_is_fast() -> bool:
    """Whether the kernels have instructions of their own here; AMX machines have VNNI too."""
    return int8_runs_here() and _has_vnni()


def _has_vnni() -> bool:
    """Of AVX-512: the kernels (FBGEMM's) know no other."""
    return torch.cpu.get_capabilities().get("avx512_vnni", False)


def _pack(weight: torch.Tensor):
    weight = weight.float()
    largest = torch.maximum(weight.amax(dim=1), weight.amin(dim=1).neg())
    scales = largest.clamp_min(torch.finfo(torch.float32).tiny).double() / 127
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*quantized tensor creation.*", UserWarning)
        quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(quantised, None)
