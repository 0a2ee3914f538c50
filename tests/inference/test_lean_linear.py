"""int8 products: close to float32, and the same to the bit whatever runs beside a row."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.lean import linear
from inference.lean.linear import FloatLinear, Int8Linear, int8_runs_here

pytestmark = pytest.mark.skipif(not int8_runs_here(), reason="no int8 kernels here")
IN, OUT = 250, 96


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


WEIGHT, BIAS = random(OUT, IN), random(OUT, seed=1)


def relative_error(result, expected):
    return ((result - expected).norm(dim=1) / expected.norm(dim=1)).max().item()


def test_int8_is_close_to_float32():
    rows = random(40, IN, seed=2)
    expected = FloatLinear(WEIGHT, BIAS)(rows)
    assert relative_error(Int8Linear(WEIGHT, BIAS)(rows), expected) < 0.025


def test_a_loud_row_does_not_drown_the_others():
    rows = random(8, IN, seed=2)
    rows[3] *= 1e4
    rows[4] *= 1e-4
    assert relative_error(Int8Linear(WEIGHT)(rows), FloatLinear(WEIGHT)(rows)) < 0.025


def test_a_row_of_zeros_stays_zero():
    result = Int8Linear(WEIGHT)(torch.zeros(2, IN))
    assert torch.equal(result, torch.zeros(2, OUT))


@settings(max_examples=40, deadline=None)
@given(
    scales=st.lists(st.floats(-6, 6), min_size=1, max_size=40),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_a_row_is_the_same_to_the_bit_whatever_its_neighbours(scales, seed, data):
    product = Int8Linear(WEIGHT, BIAS)
    rows = random(len(scales), IN, seed=seed) * 10 ** torch.tensor(scales)[:, None]
    index = data.draw(st.integers(0, len(scales) - 1))
    assert torch.equal(product(rows)[index], product(rows[index : index + 1])[0])


def test_many_features_are_converted_in_slabs(monkeypatch):
    rows, whole = random(3, IN, seed=2), Int8Linear(WEIGHT, BIAS)
    monkeypatch.setattr(linear, "SLAB", 40)
    assert torch.equal(Int8Linear(WEIGHT, BIAS)(rows), whole(rows))


def test_weights_in_bfloat16_can_be_converted():
    rows = random(3, IN, seed=2)
    assert relative_error(Int8Linear(WEIGHT.bfloat16())(rows), FloatLinear(WEIGHT)(rows)) < 0.025
