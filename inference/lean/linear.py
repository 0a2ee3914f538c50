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
    """

    keeps_weight = False

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None):
        self._packed = [_pack(slab) for slab in weight.split(SLAB)]
        self._bias = None if bias is None else bias.float()
        # Without VNNI the kernel adds pairs of products in 16 bits, which saturate at 8 bits each.
        self._levels = 127 if torch.cpu.get_capabilities().get("avx512_vnni", False) else 63

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
        scaled = rows / scale
        products = [self._product(scaled, packed) for packed in self._packed]
        result = products[0] if len(products) == 1 else torch.cat(products, dim=1)
        result *= scale
        return result if self._bias is None else result.add_(self._bias)

    def _product(self, rows: torch.Tensor, packed) -> torch.Tensor:
        """Activations become whole numbers of 1 / levels, shifted to be positive."""
        product = torch.ops.quantized.linear_with_input_q_dq_qweight_dq_output_fp32
        return product(rows, 1 / self._levels, self._levels + 1, packed)


def int8_runs_here() -> bool:
    """Whether this torch has the kernels; they are those of x86 processors."""
    return torch.backends.quantized.engine in ("x86", "fbgemm")


def int8_is_fast() -> bool:
    """Whether the processor multiplies int8 natively (VNNI, or AMX which includes it)."""
    has = torch.cpu.get_capabilities()
    native = ("avx512_vnni", "avx_vnni", "amx_int8")
    return int8_runs_here() and any(has.get(each, False) for each in native)


def _pack(weight: torch.Tensor):
    weight = weight.float()
    largest = torch.maximum(weight.amax(dim=1), weight.amin(dim=1).neg())
    scales = largest.clamp_min(torch.finfo(torch.float32).tiny).double() / 127
    zeros = torch.zeros(len(weight), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*quantized tensor creation.*", UserWarning)
        quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    return torch.ops.quantized.linear_prepack(quantised, None)
