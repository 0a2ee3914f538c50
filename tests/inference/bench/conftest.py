"""A toy shape's folder, made once a session, and the setting that arms load it with."""

import pytest

from inference.bench import folders
from inference.bench.arms import Setting
from inference.bench.shapes import SHAPES
from inference.bench.workload import Lengths, Workload

TOY = SHAPES["toy"]


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="session")
def setting(cache):
    return Setting(TOY, cache, folders.ensure(TOY, cache), dtype="float32", threads=1)


@pytest.fixture(scope="session")
def workload():
    return Workload(TOY.vocabulary, Lengths(reply=8))
