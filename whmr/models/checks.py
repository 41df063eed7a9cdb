"""One clear line for a tensor of the wrong shape."""

from torch import Tensor


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
