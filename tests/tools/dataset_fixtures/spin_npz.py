"""A label file as SPIN, PyMAF and W-HMR use them, and its photos.

Layout: `images/*.png` and `labels.npz` with one row per person and the arrays that the fields of
those projects name: imgname, center (N, 2), scale (N,), part (N, 24, 3), openpose (N, 25, 3), S
(N, 24, 4), pose (N, 72), shape (N, 10), has_smpl (N,), gender (N,), and with a world pose_world
(N, 72), cam_rotmat (N, 3, 3), cam_int (N, 3, 3).
"""

from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures.truth import People, to_axis_angle, to_rotmat, write_photo


def arrays(people: People, *, world: bool = True) -> dict[str, np.ndarray]:
    """The label file's arrays; each person has a photo of their own."""
    num = len(people.betas)
    points, joints = people.spin49
    boxes = people.boxes
    size = (boxes[:, 2:] - boxes[:, :2]).max(1)
    ones = np.ones((num, 49, 1))
    content = dict(
        imgname=np.array([f'images/{i:03d}.png' for i in range(num)]),
        center=(boxes[:, :2] + boxes[:, 2:]) / 2,
        scale=size * 1.2 / 200,
        part=np.concatenate([points, ones], 2)[:, 25:],
        openpose=np.concatenate([points, 0.5 * ones], 2)[:, :25],
        S=np.concatenate([joints, ones], 2)[:, 25:],
        pose=people.pose,
        shape=people.betas,
        has_smpl=np.ones(num, np.uint8),
        gender=np.array(['m', 'f', 'n'] * num)[:num],
    )
    if world:
        in_world = to_axis_angle(people.rotmat.T @ to_rotmat(people.global_orient))
        content['pose_world'] = np.concatenate([in_world, people.body_pose], 1)
        content['cam_int'] = np.tile(people.intrinsics, (num, 1, 1))
    return content


def write(folder: Path, people: People, *, world: bool = True) -> Path:
    """Photos and label file; returns the file."""
    content = arrays(people, world=world)
    for index, name in enumerate(content['imgname']):
        write_photo(folder / str(name), people.ori_shape, index)
    np.savez(folder / 'labels.npz', **content)
    return folder / 'labels.npz'
