"""A few values of a series of unknown length."""

from typing import Generic, TypeVar

Value = TypeVar('Value')


class BoundedSample(Generic[Value]):
    """Keeps evenly spaced values of a series, however long it gets, the first among them.

    When more than `size` are kept, every second one is let go, and from then on only every second
    new one is taken.

    Args:
        size: Most values that are kept; at least half as many are once the series is longer.

    Raises:
        ValueError: If `size` is less than 2.
    """

    def __init__(self, size: int) -> None:
        if size < 2:
            raise ValueError(f'BoundedSample: size={size} must be 2 or more')
        self.size = size
        self.count = 0  # length of the series
        self.values: list[Value] = []
        self._stride = 1

    def add(self, value: Value) -> None:
        """Take in the next value."""
        if self.count % self._stride == 0:
            self.values.append(value)
        if len(self.values) > self.size:
            self.values = self.values[::2]
            self._stride *= 2
        self.count += 1
