"""Lets the tests of this folder run tools in this process, and import the packages beside them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.logging import MMLogger

sys.path.insert(0, str(Path(__file__).parents[2] / 'tools' / 'analysis'))


@pytest.fixture(autouse=True)
def fresh_loggers() -> Iterator[None]:
    """A logger writes to the stream of the test that made it: the next one gets its own."""
    MMLogger._instance_dict.clear()
    yield
    MMLogger._instance_dict.clear()
