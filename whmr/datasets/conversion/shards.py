"""Cutting a long list into units."""

SHARD_SIZE = 2000


def shard_names(count: int, size: int = SHARD_SIZE) -> list[str]:
    """Unit names that cut `count` things into pieces: `0000000-0002000`, ...

    Args:
        count: How many things.
        size: How many of them in a unit.
    """
    starts = range(0, count, size)
    return [f'{start:07d}-{min(start + size, count):07d}' for start in starts]


def shard_range(name: str) -> range:
    """The things of a unit, from a name that `shard_names` made.

    Args:
        name: The unit.
    """
    start, stop = name.split('-')
    return range(int(start), int(stop))
