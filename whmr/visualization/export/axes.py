"""From the library's axes (y down, z forward) to those of viewers (y up, z toward the viewer)."""

import numpy as np

# Half a turn about x: nothing is mirrored. The camera frame becomes that of a glTF camera.
TO_Y_UP = np.diag([1.0, -1.0, -1.0])


def points_y_up(points: np.ndarray) -> np.ndarray:
    """Points with y up.

    Shapes: points: (..., 3) camera or world axes.  returns: (..., 3) float64, y up.
    """
    return points.astype(np.float64) @ TO_Y_UP


def rotmat_to_quaternion(rotmat: np.ndarray) -> np.ndarray:
    """Unit quaternions; along the first axis each is the one of the two that is nearer to the last.

    The eigenvector of the symmetric 4 x 4 matrix that Bar-Itzhack gives for a rotation ("New method
    for extracting the quaternion from a rotation matrix", 2000): exact at every angle, and the
    nearest rotation where the matrix is not quite one.

    Shapes: T frames.
        rotmat: (T, ..., 3, 3).  returns: (T, ..., 4) float64, x, y, z, w.
    """
    m = rotmat.astype(np.float64)
    xx, xy, xz = m[..., 0, 0], m[..., 0, 1], m[..., 0, 2]
    yx, yy, yz = m[..., 1, 0], m[..., 1, 1], m[..., 1, 2]
    zx, zy, zz = m[..., 2, 0], m[..., 2, 1], m[..., 2, 2]
    rows = (
        (xx - yy - zz, yx + xy, zx + xz, zy - yz),
        (yx + xy, yy - xx - zz, zy + yz, xz - zx),
        (zx + xz, zy + yz, zz - xx - yy, yx - xy),
        (zy - yz, xz - zx, yx - xy, xx + yy + zz),
    )
    symmetric = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2) / 3
    quaternion = np.linalg.eigh(symmetric)[1][..., -1]
    quaternion[:1] *= np.where(quaternion[:1, ..., 3:] < 0, -1, 1)
    turned = (quaternion[1:] * quaternion[:-1]).sum(-1, keepdims=True) < 0
    flips = np.cumsum(turned, axis=0) % 2 == 1
    quaternion[1:] *= np.where(flips, -1, 1)
    return quaternion
