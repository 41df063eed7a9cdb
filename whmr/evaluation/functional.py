"""Errors of a batch, one number per sample, in the unit of the input (angles in degrees)."""

import torch
from torch import Tensor

from whmr.geometry import procrustes_align, rotation_angle, rotmat_to_pitch_roll, up_vector


def mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Mean distance of corresponding joints, without alignment.

    Args:
        pred: Predicted joints.
        target: True joints.

    Shapes: B batch, K joints.
        pred, target: (B, K, 3).  returns: (B,) in the same unit.

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, (None, 3))
    return torch.linalg.vector_norm(pred - target, dim=-1).mean(-1)


def pa_mpjpe(pred: Tensor, target: Tensor) -> Tensor:
    """Mean distance of corresponding joints after similarity Procrustes alignment.

    Args:
        pred: Predicted joints.
        target: True joints.

    Shapes: B batch, K joints.
        pred, target: (B, K, 3).  returns: (B,) in the same unit.

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, (None, 3))
    return mpjpe(procrustes_align(pred, target), target)


def pve(pred: Tensor, target: Tensor) -> Tensor:
    """Mean distance of corresponding vertices, without alignment.

    Args:
        pred: Predicted vertices.
        target: True vertices.

    Shapes: B batch, V vertices.
        pred, target: (B, V, 3).  returns: (B,) in the same unit.

    Raises:
        ValueError: The shapes differ.
    """
    return mpjpe(pred, target)


def up_vector_error(pred: Tensor, target: Tensor) -> Tensor:
    """Angle between the body's up direction (model y axis) in two orientations.

    A turn about the vertical, such as a choice of yaw, changes nothing.

    Args:
        pred: Predicted body orientation in the world.
        target: True body orientation in the world.

    Shapes: B batch.
        pred, target: (B, 3, 3).  returns: (B,) degrees in [0, 180].

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, (3, 3))
    a, b = up_vector(pred), up_vector(target)
    sine = torch.linalg.vector_norm(torch.linalg.cross(a, b, dim=-1), dim=-1)
    return torch.rad2deg(torch.atan2(sine, (a * b).sum(-1)))


def rotation_error(pred: Tensor, target: Tensor) -> Tensor:
    """Geodesic angle between rotations.

    Args:
        pred: Predicted rotations.
        target: True rotations.

    Shapes: B batch.
        pred, target: (B, 3, 3).  returns: (B,) degrees in [0, 180].

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, (3, 3))
    return torch.rad2deg(rotation_angle(pred, target))


def pitch_roll_error(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute errors of the pitch and roll of world-to-camera rotations.

    Args:
        pred: Predicted `world2cam_rotmat`.
        target: True `world2cam_rotmat`.

    Shapes: B batch.
        pred, target: (B, 3, 3).  returns: pitch error (B,), roll error (B,), degrees in [0, 180].

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, (3, 3))
    differences = (a - b for a, b in zip(rotmat_to_pitch_roll(pred), rotmat_to_pitch_roll(target)))
    pitch, roll = (
        torch.rad2deg(torch.atan2(difference.sin(), difference.cos()).abs())
        for difference in differences
    )
    return pitch, roll


def keypoint_error_2d(pred: Tensor, target: Tensor, conf: Tensor) -> Tensor:
    """Mean distance of the labelled keypoints.

    Args:
        pred: Predicted keypoints.
        target: True keypoints.
        conf: Confidence of each true keypoint; 0 = unlabelled, left out; otherwise unused.

    Shapes: B batch, K keypoints.
        pred, target: (B, K, 2) full px.  conf: (B, K).
        returns: (B,) px, NaN for a sample without any labelled keypoint.

    Raises:
        ValueError: The shapes do not fit.
    """
    _check_pair(pred, target, (None, 2))
    if conf.shape != pred.shape[:-1]:
        raise ValueError(f'conf: expected shape {tuple(pred.shape[:-1])}, got {tuple(conf.shape)}')
    labelled = conf > 0
    distance = torch.linalg.vector_norm(pred - target, dim=-1)
    # `where`, not a product: what stands in an unlabelled place may be NaN.
    total = torch.where(labelled, distance, torch.zeros_like(distance)).sum(-1)
    return total / labelled.sum(-1)


def relative_focal_error(pred: Tensor, target: Tensor) -> Tensor:
    """Relative error of the focal length, `|f - f*| / f*`.

    Args:
        pred: Predicted focal lengths.
        target: True focal lengths.

    Shapes: B batch.
        pred, target: (B,) full px.  returns: (B,), 0.1 = 10 %.

    Raises:
        ValueError: The shapes differ.
    """
    _check_pair(pred, target, ())
    return (pred - target).abs() / target


def _check_pair(pred: Tensor, target: Tensor, trailing: tuple[int | None, ...]) -> None:
    """Refuse shapes other than (B, *trailing) and pairs that would broadcast."""
    fits = pred.dim() == 1 + len(trailing) and all(
        want is None or want == got for want, got in zip(trailing, pred.shape[1:])
    )
    if not fits or pred.shape != target.shape:
        wanted = ', '.join(['B', *('K' if size is None else str(size) for size in trailing)])
        raise ValueError(
            f'pred and target: expected two shapes ({wanted}), got {tuple(pred.shape)} '
            f'and {tuple(target.shape)}'
        )
