"""Augmentation as a motion of the camera: the one place where labels follow a roll or a flip.

A sample is turned or mirrored by turning or mirroring its camera, so that every label (2D, 3D, body
orientation, camera translation, camera rotation, world orientation) changes in one step and cannot
disagree with another. The photo itself is not touched: `full2aug` collects the affine, which
`CropPerson` and `ResizeFull` use to warp once.

Both functions work on a sample's dict (the row of `HMRDataset`, or an unlabelled photo), whose
arrays are replaced, never changed in place. A key that is not there is passed over.
"""

from typing import Any

import numpy as np
import torch

from whmr.geometry import gravity_to_pitch_roll, pitch_roll_to_rotmat
from whmr.keypoints import JOINT_SETS, flip_keypoints

JOINT_SET = 'spin49'
MIRROR = np.diag([-1.0, 1.0, 1.0])
# Left <-> right for the 23 rotations of `body_pose` (the pelvis is not among them).
_SMPL_ORDER = JOINT_SETS['smpl24'].flip_permutation
POSE_FLIP = np.array([joint - 1 for joint in _SMPL_ORDER[1:]])


def principal_point(row: dict[str, Any]) -> np.ndarray:
    """Where the optical axis meets the photo: the label, or else the photo's centre.

    Args:
        row: A sample with `ori_shape` and, if known, `intrinsics` with `has_focal_length`.

    Shapes: returns: (2,) x, y in full px.
    """
    return _calibration(row)[:2, 2]


def apply_roll(row: dict[str, Any], angle: float) -> dict[str, Any]:
    """Roll the camera about its optical axis: the content of the photo turns by `angle`.

    With A = Rz(angle): points X -> A X, `global_orient` -> A `global_orient`; the gravity direction
    turns with A too, and `world2cam_rotmat` = E(pitch, 0, roll) is built from it anew, so that the
    world stays yaw-free (spec: an augmentation is a camera motion); the world orientation follows
    as `world2cam_rotmat`^T `global_orient`. The person box keeps its size. The vertices of the
    body model turn about the pelvis joint p, which they do not carry to the origin, so
    `cam_t` -> A (p + `cam_t`) - p; without the label `pelvis` the label `cam_t` is dropped.

    Args:
        row: The sample.
        angle: Angle, rad; positive turns the x axis toward the y axis (clockwise on the screen).

    Returns:
        The same dict.

    Raises:
        KeyError: `GetBox` has not been run.

    Shapes: those of `HMRDataset`; `full2aug` (3, 3), photo px -> full px of the augmented photo.
    """
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    camera = _calibration(row)
    step = camera @ turn @ np.linalg.inv(camera)
    _move_photo(row, step)
    if 'keypoints_2d' in row:
        row['keypoints_2d'] = _float(row['keypoints_2d'] @ step[:2, :2].T + step[:2, 2])
    if 'keypoints_3d' in row:
        row['keypoints_3d'] = _float(row['keypoints_3d'] @ turn.T)
    if 'global_orient' in row:
        row['global_orient'] = _float(turn @ row['global_orient'])
    if row.get('has_cam_t', False):
        if row.get('has_pelvis', False):
            pelvis = row['pelvis'].astype(np.float64)
            row['cam_t'] = _float(turn @ (pelvis + row['cam_t']) - pelvis)
        else:
            row['cam_t'], row['has_cam_t'] = np.zeros(3, np.float32), False
    if 'known_world2cam_rotmat' in row:
        row['known_world2cam_rotmat'] = _rolled_world2cam(row['known_world2cam_rotmat'], turn)
    if row.get('has_world2cam', False):
        row['world2cam_rotmat'] = _rolled_world2cam(row['world2cam_rotmat'], turn)
        if row.get('has_world', False):
            world2cam = row['world2cam_rotmat'].astype(np.float64)
            row['global_orient_world'] = _float(world2cam.T @ row['global_orient'])
    return row


def apply_flip(row: dict[str, Any]) -> dict[str, Any]:
    """Mirror the photo left to right, camera and world with it.

    With M = diag(-1, 1, 1): x -> W - x in the photo (so the principal point goes to W - cx), points
    X -> M X, rotations R -> M R M with left and right joints exchanged. `betas` stay, since the
    bodies are mirror-symmetric.

    Args:
        row: The sample.

    Returns:
        The same dict.

    Raises:
        KeyError: `GetBox` has not been run.

    Shapes: those of `HMRDataset`; `full2aug` (3, 3), photo px -> full px of the augmented photo.
    """
    width = float(row['ori_shape'][1])
    _move_photo(row, np.array([[-1.0, 0.0, width], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    for name, span in (('keypoints_2d', width), ('keypoints_3d', 0.0)):
        if name in row:
            row[name], row[f'{name}_conf'] = flip_keypoints(
                row[name], row[f'{name}_conf'], JOINT_SET, width=span
            )
    if 'visibility' in row:
        row['visibility'] = row['visibility'][list(JOINT_SETS[JOINT_SET].flip_permutation)]
    for name in ('global_orient', 'global_orient_world', 'world2cam_rotmat'):
        if name in row:
            row[name] = _float(MIRROR @ row[name] @ MIRROR)
    if 'known_world2cam_rotmat' in row:
        row['known_world2cam_rotmat'] = _float(MIRROR @ row['known_world2cam_rotmat'] @ MIRROR)
    if 'body_pose' in row:
        row['body_pose'] = _float(MIRROR @ row['body_pose'][POSE_FLIP] @ MIRROR)
    for name in ('cam_t', 'pelvis'):
        if name in row:
            row[name] = _float(MIRROR @ row[name])
    if row.get('has_focal_length', False):
        intrinsics = row['intrinsics'].copy()
        intrinsics[0, 2] = width - intrinsics[0, 2]
        row['intrinsics'] = intrinsics
    row['flipped'] = not row.get('flipped', False)
    return row


def _calibration(row: dict[str, Any]) -> np.ndarray:
    """Intrinsics, or a unit focal length at the photo's centre: enough to turn the photo with."""
    if row.get('has_focal_length', False):
        return row['intrinsics'].astype(np.float64)
    height, width = row['ori_shape']
    return np.array([[1.0, 0.0, width / 2], [0.0, 1.0, height / 2], [0.0, 0.0, 1.0]])


def _move_photo(row: dict[str, Any], step: np.ndarray) -> None:
    """Let the photo's affine and the person box follow; the box keeps its size."""
    if 'bbox_center' not in row:
        raise KeyError("'bbox_center' is missing: put GetBox before the camera motions")
    row['full2aug'] = step @ row.get('full2aug', np.eye(3))
    row['bbox_center'] = step[:2, :2] @ row['bbox_center'] + step[:2, 2]
    if 'bbox' in row:
        low, high = row['bbox'][:2].astype(np.float64), row['bbox'][2:]
        center = step[:2, :2] @ ((low + high) / 2) + step[:2, 2]
        row['bbox'] = _float(np.concatenate([center - (high - low) / 2, center + (high - low) / 2]))


def _rolled_world2cam(world2cam_rotmat: np.ndarray, turn: np.ndarray) -> np.ndarray:
    gravity = torch.from_numpy(turn @ world2cam_rotmat[:, 1])
    return _float(pitch_roll_to_rotmat(*gravity_to_pitch_roll(gravity)).numpy())


def _float(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32)
