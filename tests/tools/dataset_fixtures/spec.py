"""A label file of SPEC-SYN's kind, and its photos.

The arrays are those that an issue of the project lists (mkocabas/SPEC #11): imgname, center, scale,
pose (in the world), shape, part, mmpose_keypoints, openpose, openpose_gt, S, focal_length,
cam_rotmat, cam_trans, cam_center, cam_pitch, cam_roll, cam_hfov, cam_int. What `part` and `S` are
is not said there, so a fixture can have either joint order, and `S` in either frame or moved.
"""

from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures import spin_npz
from tests.tools.dataset_fixtures.truth import People


def write(
    folder: Path, people: People, *, joint_set: str = 'spin24', frame: str = 'camera'
) -> Path:
    """Photos and label file; returns the file."""
    content = dict(np.load(spin_npz.write(folder, people)))
    num = len(people.betas)
    points, joints = people.points[:, :24], people.joints[:, :24]
    if joint_set == 'spin24':
        points, joints = (array[:, 25:] for array in people.spin49)
    joints = joints - people.joints[:, :1]
    joints = {'camera': joints, 'world': joints @ people.rotmat, 'odd': joints[:, ::-1]}[frame]
    ones = np.ones((num, 24, 1))
    path = folder / 'spec-syn_train.npz'
    np.savez(
        path,
        **{name: content[name] for name in ('imgname', 'center', 'scale', 'shape', 'cam_int')},
        pose=content['pose_world'],
        part=np.concatenate([points, ones], 2),
        S=np.concatenate([joints, ones], 2),
        openpose=content['openpose'],
        focal_length=np.full(num, people.intrinsics[0, 0]),
        cam_rotmat=np.tile(people.rotmat, (num, 1, 1)),
        cam_trans=np.tile(people.center, (num, 1)),
        cam_center=np.tile(people.intrinsics[:2, 2], (num, 1)),
        cam_pitch=np.zeros(num),
        cam_roll=np.zeros(num),
    )
    return path
