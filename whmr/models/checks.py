"""One clear line for a tensor of the wrong shape, or a setting that does not exist."""

from torch import Tensor

GLOBAL_DIM = 5  # numbers of the global information (W-HMR Eq. 7)


def check_shape(tensor: Tensor, expected: tuple[int | None, ...], name: str) -> None:
    """Raise if `tensor` does not have the expected shape.

    Args:
        tensor: What was given.
        expected: One entry per axis; None allows any length.
        name: How the message calls it, as `Module: argument`.

    Raises:
        ValueError: The shape is another one.

    Shapes: any.
    """
    shape = tuple(tensor.shape)
    fits = len(shape) == len(expected) and all(e is None or s == e for s, e in zip(shape, expected))
    if not fits:
        wanted = ', '.join('*' if e is None else str(e) for e in expected)
        raise ValueError(f'{name} must have shape ({wanted}), got {shape}')


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
