"""A random order of many items without a list of them."""

import numpy as np

_ROUNDS = 6
_MASK = 0xFFFFFFFF


def shuffled(position: int, size: int, key: tuple[int, ...]) -> int:
    """The item at a position of a random order of `size` items.

    For one key the items of all positions are a permutation. It costs no memory and some 30
    microseconds, however large the order is: a Feistel network on the next power of four, walked
    until it lands on an item.

    Args:
        position: Where in the order, 0 to size - 1.
        size: How many items there are.
        key: Non-negative numbers that name the order; 1, 2 and 1, 2, 0 name the same one.

    Raises:
        IndexError: The position lies outside of the order.

    Shapes: none.
    """
    if not 0 <= position < size:
        raise IndexError(f'position {position} of an order of {size} items')
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    rounds = [int(word) for word in np.random.SeedSequence(key).generate_state(_ROUNDS)]
    item = position
    while True:
        left, right = item >> half, item & mask
        for word in rounds:
            left, right = right, left ^ (_mixed(right ^ word) & mask)
        item = left << half | right
        if item < size:
            return item


def _mixed(word: int) -> int:
    """Every bit of the result depends on every bit of a 32-bit word."""
    word = (word ^ (word >> 16)) * 0x7FEB352D & _MASK
    word = (word ^ (word >> 15)) * 0x846CA68B & _MASK
    return word ^ (word >> 16)
