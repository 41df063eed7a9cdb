"""Shape checks: a wrong shape that would broadcast must not go unnoticed."""

from torch import Tensor


def check_last(tensor: Tensor, trailing: tuple[int, ...], name: str) -> None:
    """Refuse a tensor whose last axes are not `trailing`.

    Args:
        tensor: The argument to look at.
        trailing: Sizes of its last axes.
        name: How the caller names the argument.

    Raises:
        ValueError: The last axes differ.
    """
    if tuple(tensor.shape[-len(trailing) :]) != trailing:
        wanted = ', '.join(str(size) for size in trailing)
        raise ValueError(f'{name}: last axes must be ({wanted}), got shape {tuple(tensor.shape)}')


def check_shape(tensor: Tensor, shape: tuple[int | None, ...], name: str) -> None:
    """Refuse a tensor whose shape is not `shape`; None stands for any size.

    Args:
        tensor: The argument to look at.
        shape: Wanted size of every axis.
        name: How the caller names the argument.

    Raises:
        ValueError: The shape differs.
    """
    same = len(shape) == tensor.dim() and all(
        want is None or want == got for want, got in zip(shape, tensor.shape)
    )
    if not same:
        wanted = ', '.join('*' if size is None else str(size) for size in shape)
        raise ValueError(f'{name} must have shape ({wanted}), got {tuple(tensor.shape)}')
