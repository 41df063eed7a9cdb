"""Settings that several modules share."""

GLOBAL_DIM = 5  # numbers of the global information (W-HMR Eq. 7)


def check_global_dim(global_dim: int, name: str) -> None:
    """Raise if no module may read this many numbers of the global information.

    Args:
        global_dim: 5: all of Eq. 7. 3: the box's place and side, without the image's size (CLIFF).
            0: nothing.
        name: Whose setting it is.

    Raises:
        ValueError: Any other number.
    """
    if global_dim not in (GLOBAL_DIM, 3, 0):
        raise ValueError(
            f'{name}: global_dim must be 5 (all global information), 3 (the box alone) or 0 '
            f'(none), got {global_dim}'
        )
