"""Rotation formats: axis-angle, matrix, 6D, Euler angles; all differentiable, any leading axes."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from whmr.geometry.checks import check_last
from whmr.geometry.precision import full_precision

# Below these squared values a Taylor series is exact to float64 and, unlike the closed form,
# smooth.
_SMALL_ANGLE_SQUARED = 1e-4
_SMALL_TANGENT_SQUARED = 1e-6


def axis_angle_to_rotmat(axis_angle: Tensor) -> Tensor:
    """Rotation matrices of axis-angle vectors (Rodrigues), exact and differentiable at zero.

    Args:
        axis_angle: Rotation vectors, direction = axis, length = angle.

    Shapes:
        axis_angle: (..., 3) rad.  returns: (..., 3, 3).

    Raises:
        ValueError: The last axis is not 3.
    """
    check_last(axis_angle, (3,), 'axis_angle')
    squared = (axis_angle * axis_angle).sum(-1)
    small = squared < _SMALL_ANGLE_SQUARED
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    sine_series = 1 - squared / 6 + squared**2 / 120
    cosine_series = 0.5 - squared / 24 + squared**2 / 720
    sine = torch.where(small, sine_series, angle.sin() / angle)
    cosine = torch.where(small, cosine_series, 2 * ((angle / 2).sin() / angle) ** 2)

    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    with full_precision(cross):
        twice = cross @ cross
    return eye + sine[..., None, None] * cross + cosine[..., None, None] * twice


def rotmat_to_axis_angle(rotmat: Tensor) -> Tensor:
    """Axis-angle vectors of rotation matrices, of length at most pi.

    Goes through the unit quaternion whose largest entry is solved for first, so it is exact at zero
    and near pi and differentiable wherever the answer is continuous (everywhere but at an angle of
    exactly pi).

    Args:
        rotmat: Rotation matrices.

    Shapes:
        rotmat: (..., 3, 3).  returns: (..., 3) rad.

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(rotmat, (3, 3), 'rotmat')
    quaternion = _rotmat_to_quaternion(rotmat)
    real, imaginary = quaternion[..., 0], quaternion[..., 1:]
    squared = (imaginary * imaginary).sum(-1)
    small = squared < _SMALL_TANGENT_SQUARED  # then the real part is near 1
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    tangent_squared = squared / torch.where(small, real, torch.ones_like(real)) ** 2
    series = 1 - tangent_squared / 3 + tangent_squared**2 / 5
    ratio = torch.where(
        small,
        series / torch.where(small, real, torch.ones_like(real)),
        torch.atan2(sine, real) / sine,
    )
    return 2 * ratio[..., None] * imaginary


def _rotmat_to_quaternion(rotmat: Tensor) -> Tensor:
    """Quaternions (w, x, y, z) with w >= 0.  Shapes: rotmat (..., 3, 3).  returns (..., 4)."""
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (
        row.unbind(-1) for row in rotmat.unbind(-2)
    )
    squares = torch.stack(
        [
            1 + m00 + m11 + m22,
            1 + m00 - m11 - m22,
            1 - m00 + m11 - m22,
            1 - m00 - m11 + m22,
        ],
        -1,
    )  # 4 w^2, 4 x^2, 4 y^2, 4 z^2
    wx, wy, wz = m21 - m12, m02 - m20, m10 - m01  # 4 w x, ...
    xy, xz, yz = m10 + m01, m02 + m20, m21 + m12
    sw, sx, sy, sz = squares.unbind(-1)
    products = torch.stack([sw, wx, wy, wz, wx, sx, xy, xz, wy, xy, sy, yz, wz, xz, yz, sz], -1)
    largest = squares.argmax(-1, keepdim=True)
    row = torch.take_along_dim(products.unflatten(-1, (4, 4)), largest[..., None], -2).squeeze(-2)
    quaternion = row / (2 * torch.take_along_dim(squares, largest, -1).sqrt())
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def rot6d_to_rotmat(rot6d: Tensor) -> Tensor:
    """Rotation matrices of 6D vectors (Zhou et al., CVPR 2019) by plain Gram-Schmidt.

    The six numbers are the first two columns of the matrix, flattened row by row:
    `(r00, r01, r10, r11, r20, r21)`.

    Args:
        rot6d: 6D vectors; the two columns need not be orthonormal.

    Shapes:
        rot6d: (..., 6).  returns: (..., 3, 3).

    Raises:
        ValueError: The last axis is not 6.
    """
    check_last(rot6d, (6,), 'rot6d')
    a1, a2 = rot6d.unflatten(-1, (3, 2)).unbind(-1)
    r1 = normalize(a1, dim=-1)
    r2 = normalize(a2 - (r1 * a2).sum(-1, keepdim=True) * r1, dim=-1)
    return torch.stack([r1, r2, torch.linalg.cross(r1, r2, dim=-1)], -1)


def rotmat_to_rot6d(rotmat: Tensor) -> Tensor:
    """6D vectors of rotation matrices: the first two columns, flattened row by row.

    Args:
        rotmat: Rotation matrices.

    Shapes:
        rotmat: (..., 3, 3).  returns: (..., 6).

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(rotmat, (3, 3), 'rotmat')
    return rotmat[..., :2].flatten(-2)


def euler_to_rotmat(pitch: Tensor, yaw: Tensor, roll: Tensor) -> Tensor:
    """The rotation `Rx(pitch) @ Ry(yaw) @ Rz(roll)` (as in PARE's `batch_euler2matrix`).

    Args:
        pitch: Angles about x.
        yaw: Angles about y.
        roll: Angles about z.

    Shapes:
        pitch, yaw, roll: (...) rad, broadcast together.  returns: (..., 3, 3).
    """
    pitch, yaw, roll = torch.broadcast_tensors(pitch, yaw, roll)
    cx, sx, cy, sy, cz, sz = (f(a) for a in (pitch, yaw, roll) for f in (torch.cos, torch.sin))
    entries = [
        cy * cz,
        -cy * sz,
        sy,
        cx * sz + sx * sy * cz,
        cx * cz - sx * sy * sz,
        -sx * cy,
        sx * sz - cx * sy * cz,
        sx * cz + cx * sy * sz,
        cx * cy,
    ]
    return torch.stack(entries, -1).unflatten(-1, (3, 3))


def orthogonalize(matrix: Tensor) -> Tensor:
    """Raw 3x3 numbers to rotations by the "unbiased Gram-Schmidt" of W-HMR's release.

    With the columns t1, t2, t3 and n = normalise: `r1 = n((t2 x t3 + t1) / 2)`, `q = (t3 x r1 + t2)
    / 2`, `r2 = n(q - (q . r1) r1)`, `r3 = r1 x r2`. A rotation is returned as it is.

    Args:
        matrix: Raw matrices.

    Shapes:
        matrix: (..., 3, 3).  returns: (..., 3, 3).

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(matrix, (3, 3), 'matrix')
    t1, t2, t3 = matrix.unbind(-1)
    r1 = normalize((torch.linalg.cross(t2, t3, dim=-1) + t1) / 2, dim=-1)
    q = (torch.linalg.cross(t3, r1, dim=-1) + t2) / 2
    r2 = normalize(q - (q * r1).sum(-1, keepdim=True) * r1, dim=-1)
    return torch.stack([r1, r2, torch.linalg.cross(r1, r2, dim=-1)], -1)


def rotation_angle(a: Tensor, b: Tensor) -> Tensor:
    """Geodesic angle between rotations, accurate for tiny angles and near pi.

    Args:
        a: Rotation matrices.
        b: Rotation matrices, broadcast against `a`.

    Shapes:
        a, b: (..., 3, 3).  returns: (...) rad in [0, pi].

    Raises:
        ValueError: The last axes are not (3, 3), or the numbers of axes differ (which would pair
            wrong rows).
    """
    check_last(a, (3, 3), 'a')
    check_last(b, (3, 3), 'b')
    if a.dim() != b.dim() and min(a.dim(), b.dim()) > 2:
        raise ValueError(f'a and b: shapes {tuple(a.shape)} and {tuple(b.shape)} do not pair up')
    relative = a.mT @ b
    skew = torch.stack(
        [
            relative[..., 2, 1] - relative[..., 1, 2],
            relative[..., 0, 2] - relative[..., 2, 0],
            relative[..., 1, 0] - relative[..., 0, 1],
        ],
        -1,
    )
    sine = torch.linalg.vector_norm(skew, dim=-1)
    cosine = relative.diagonal(dim1=-2, dim2=-1).sum(-1) - 1
    return torch.atan2(sine, cosine)


def is_rotation(matrix: Tensor, atol: float = 1e-4) -> Tensor:
    """Which matrices are proper rotations: orthonormal, determinant +1, finite.

    Args:
        matrix: Matrices to look at.
        atol: Largest deviation of an entry of `M^T M` from the identity.

    Shapes:
        matrix: (..., 3, 3).  returns: (...) bool.

    Raises:
        ValueError: The last axes are not (3, 3).
    """
    check_last(matrix, (3, 3), 'matrix')
    eye = torch.eye(3, dtype=matrix.dtype, device=matrix.device)
    orthonormal = ((matrix.mT @ matrix - eye).abs() <= atol).flatten(-2).all(-1)
    return orthonormal & (torch.linalg.det(matrix) > 0)
