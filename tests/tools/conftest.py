"""Lets the tests of this folder run tools in this process."""

from collections.abc import Iterator

import pytest
from mmengine.logging import MMLogger


@pytest.fixture(autouse=True)
def fresh_loggers() -> Iterator[None]:
    """A logger writes to the stream of the test that made it: the next one gets its own."""
    MMLogger._instance_dict.clear()
    yield
    MMLogger._instance_dict.clear()
