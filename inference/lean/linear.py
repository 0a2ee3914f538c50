"""Matrix products behind one seam: call it with rows (rows, in), get rows (rows, out).

torch means to drop its quantised tensors (pytorch issue 184982), so they are named here only.
"""

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F

Linear = Callable[[torch.Tensor], torch.Tensor]
MakeLinear = Callable[[torch.Tensor, torch.Tensor | None], Linear]

PADDING = 16  # columns; two pin the range, the rest keep rows aligned
SLAB = 32768  # output features converted at a time: a vocabulary in float32 is half a gigabyte


class FloatLinear:
    """A product in the weights' own precision. `weight` is (out, in), `bias` (out,)."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self._weight, self._bias = weight, bias

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        return F.linear(rows, self._weight, self._bias)


class Int8Linear:
    """int8 weights, one scale per output feature, times int8 activations, one scale per row.

    torch's kernel has one scale for all rows. So every row is divided by its largest magnitude
    first and multiplied by it after, and two columns of +1 and -1, whose weights are zero, pin the
    range that the kernel measures: a row's result is the same to the bit whatever its neighbours.
    Rows in and out are float32.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self._features = weight.shape[1]
        width = -(-(self._features + 2) // PADDING) * PADDING
        self._pins = torch.zeros(width - self._features)
        self._pins[:2] = torch.tensor([1.0, -1.0])
        self._packed = [_pack(slab, width) for slab in weight.split(SLAB)]
        self._bias = None if bias is None else bias.float()
        # Without VNNI the kernel adds pairs of products in 16 bits, which saturate at 8 bits each.
        self._seven_bits = not torch.cpu.get_capabilities().get("avx512_vnni", False)

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
        scaled = rows.new_empty(len(rows), self._features + len(self._pins))
        torch.div(rows, scale, out=scaled[:, : self._features])
        scaled[:, self._features :] = self._pins
        products = [self._product(scaled, packed) for packed in self._packed]
        result = products[0] if len(products) == 1 else torch.cat(products, dim=1)
        result *= scale
        return result if self._bias is None else result.add_(self._bias)

    def _product(self, rows: torch.Tensor, packed) -> torch.Tensor:
        return torch.ops.quantized.linear_dynamic(rows, packed, reduce_range=self._seven_bits)


def int8_runs_here() -> bool:
    """Whether this torch has the kernels; they are those of x86 processors."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def int8_is_fast() -> bool:
    """Whether the processor multiplies int8 natively (VNNI, or AMX which includes it)."""
    has = torch.cpu.get_capabilities()
    native = ("avx512_vnni", "avx_vnni", "amx_int8")
    return int8_runs_here() and any(has.get(each, False) for each in native)


def _pack(weight: torch.Tensor, width: int):
    padded = F.pad(weight.float(), (0, width - weight.shape[1]))
    scales = padded.abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny).double() / 127
    zeros = torch.zeros(len(padded), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*quantized tensor creation.*", UserWarning)
        quantised = torch.quantize_per_channel(padded, scales, zeros, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(quantised, None)
