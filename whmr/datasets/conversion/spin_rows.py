"""Labels in the form that SPIN began and many projects kept, as labels of a row.

Keypoints are arrays of x, y(, z) and confidence: 24 annotated joints (`part`, `S`; the joint set
`spin24`) and 25 detected ones (`openpose`; `openpose25`), together `spin49`.
"""

from typing import Any

import numpy as np

from whmr.datasets.errors import SourceError
from whmr.keypoints import JOINT_SETS, NUM_OPENPOSE_JOINTS

JOINT_SET, JOINT_SET_3D = 'spin49', 'spin24'
PELVIS = JOINT_SETS[JOINT_SET_3D].index('pelvis_mpii')
HIPS = [JOINT_SETS[JOINT_SET_3D].index(f'{side}_hip_lsp') for side in ('right', 'left')]


def spin_keypoints(
    part: np.ndarray | None, openpose: np.ndarray | None, *, pixel_shift: float = 0.0
) -> dict[str, np.ndarray]:
    """2D keypoints of a person.

    Args:
        part: Annotated joints, or None.
        openpose: Detected joints, or None.
        pixel_shift: Added to their coordinates; 0.5 where they count from pixel centres.

    Returns:
        `keypoints_2d` and `keypoints_2d_conf` in the set `spin49`; {} where both are None.

    Raises:
        SourceError: A shape is wrong.

    Shapes: part: (24, 3) or fewer joints.  openpose: (25, 3).  returns: (49, 2) px, (49,).
    """
    if part is None and openpose is None:
        return {}
    points = np.zeros((len(JOINT_SETS[JOINT_SET]), 3))
    for name, array, start in (('part', part, NUM_OPENPOSE_JOINTS), ('openpose', openpose, 0)):
        if array is None:
            continue
        array = np.asarray(array, np.float64)
        size = len(points) - NUM_OPENPOSE_JOINTS if start else NUM_OPENPOSE_JOINTS
        if array.ndim != 2 or array.shape[1] != 3 or len(array) > size:
            raise SourceError(f'{name} has shape {array.shape}, must be ({size}, 3)')
        points[start : start + len(array)] = array
    points, conf = _split(points)
    return dict(
        keypoints_2d=np.where(conf[:, None] > 0, points + pixel_shift, 0), keypoints_2d_conf=conf
    )


def spin_keypoints_3d(joints: np.ndarray | None) -> dict[str, np.ndarray]:
    """3D keypoints of a person, relative to the pelvis (or the middle of the hips).

    Args:
        joints: Joints with their confidences, camera axes; None or all unlabelled: no label.

    Returns:
        `keypoints_3d` and `keypoints_3d_conf` in the set `spin24`; {} without labelled hips.

    Raises:
        SourceError: The shape is wrong.

    Shapes: joints: (24, 4) m, or fewer of them.  returns: (24, 3) m, (24,).
    """
    if joints is None:
        return {}
    joints = np.asarray(joints, np.float64)
    full = np.zeros((len(JOINT_SETS[JOINT_SET_3D]), 4))
    if joints.ndim != 2 or joints.shape[1] != 4 or len(joints) > len(full):
        raise SourceError(f'3D joints have shape {joints.shape}, must be {full.shape}')
    full[: len(joints)] = joints
    points, conf = _split(full)
    if conf[PELVIS] > 0:
        root = points[PELVIS]
    elif (conf[HIPS] > 0).all():
        root = points[HIPS].mean(0)
    else:
        return {}
    return dict(keypoints_3d=np.where(conf[:, None] > 0, points - root, 0), keypoints_3d_conf=conf)


def smpl_labels(pose: np.ndarray, betas: np.ndarray) -> dict[str, Any]:
    """SMPL's 72 pose numbers and 10 shape numbers as labels.

    Raises:
        SourceError: Their number is another: a body of another kind (SMPL-X has more joints).

    Shapes: pose: 72 rad.  betas: 10.
    """
    pose, betas = np.asarray(pose, np.float64).ravel(), np.asarray(betas, np.float64).ravel()
    if pose.size != 72:
        raise SourceError(
            f'a pose has {pose.size} numbers, SMPL has 72 (24 joints); take the SMPL version of '
            'these labels'
        )
    if betas.size != 10:
        raise SourceError(f'a shape has {betas.size} numbers, must be 10')
    return dict(global_orient=pose[:3], body_pose=pose[3:], betas=betas)


def _split(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates and confidences; what is not finite or negative counts as unlabelled."""
    conf = np.where(np.isfinite(points).all(1), np.maximum(points[:, -1], 0), 0)
    return np.where(conf[:, None] > 0, points[:, :-1], 0), conf
