"""A label file of BEDLAM's kind (SMPL version) as its ReadMe describes it, and its photos.

Arrays imgname, center, scale, pose_cam (N, 72), pose_world (N, 72), shape (N, 10), trans_cam,
trans_world (N, 3), cam_ext (N, 4, 4), cam_int (N, 3, 3), gtkps (N, 45, 3), gender, sub. The place
of a person is split over trans_cam and the translation of cam_ext, as in the real files.
"""

from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures import spin_npz
from tests.tools.dataset_fixtures.truth import People


def write(folder: Path, people: People) -> Path:
    """Photos and label file; returns the file."""
    content = dict(np.load(spin_npz.write(folder, people)))
    num = len(people.betas)
    share = np.array([0.3, -0.2, 0.4])
    extrinsics = np.tile(np.eye(4), (num, 1, 1))
    extrinsics[:, :3, :3] = people.rotmat
    extrinsics[:, :3, 3] = people.cam_t - share
    path = folder / 'scene_6fps.npz'
    np.savez(
        path,
        **{name: content[name] for name in ('imgname', 'center', 'scale', 'shape', 'cam_int')},
        pose_cam=content['pose'],
        pose_world=content['pose_world'],
        trans_cam=np.tile(share, (num, 1)),
        trans_world=np.zeros((num, 3)),
        cam_ext=extrinsics,
        gtkps=np.concatenate([people.points[:, :45], np.ones((num, 45, 1))], 2),
        gender=np.array(['male', 'female', 'neutral'] * num)[:num],
        sub=np.array(['rp_person'] * num),
    )
    return path
