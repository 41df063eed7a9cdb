"""A HumanData file as mmhuman3d's docs/human_data.md describes it, and its photos.

`np.savez_compressed` of a dict: image_path (list of text), bbox_xywh (N, 5), keypoints2d (N, 190,
3), keypoints3d (N, 190, 4) and their masks (190,), smpl and meta (pickled dicts), config, and the
marks `__key_strict__`, `__temporal_len__`, `__keypoints_compressed__`. `compressed`: only the
joints of the mask are stored. The joints with index 144 and more are left to the mask.
"""

from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures.truth import People, write_photo

# Where SMPL's joints are among SMPL-X's: 22 of the body, then the landmarks from the nose on.
PLACES = [*range(22), *range(55, 76)]
SOURCES = [*range(22), *range(24, 45)]


def write(folder: Path, people: People, *, compressed: bool = True) -> Path:
    """Photos and label file; returns the file."""
    num = len(people.betas)
    names = [f'images/{i:03d}.png' for i in range(num)]
    for index, name in enumerate(names):
        write_photo(folder / name, people.ori_shape, index)
    mask = np.zeros(190, np.uint8)
    mask[PLACES] = 1
    keypoints2d, keypoints3d = np.zeros((num, 190, 3)), np.zeros((num, 190, 4))
    keypoints2d[:, PLACES, :2], keypoints2d[:, PLACES, 2] = people.points[:, SOURCES], 1
    keypoints3d[:, PLACES, :3], keypoints3d[:, PLACES, 3] = people.joints[:, SOURCES], 1
    if compressed:
        keypoints2d, keypoints3d = keypoints2d[:, mask > 0], keypoints3d[:, mask > 0]
    boxes = people.boxes
    smpl = dict(
        body_pose=people.body_pose.reshape(num, 23, 3),
        global_orient=people.global_orient,
        betas=people.betas,
        transl=people.cam_t,
    )
    content = dict(
        image_path=names,
        bbox_xywh=np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2], np.ones((num, 1))], 1),
        keypoints2d=keypoints2d,
        keypoints2d_mask=mask,
        keypoints3d=keypoints3d,
        keypoints3d_mask=mask,
        smpl=smpl,
        meta=dict(gender=(['m', 'f'] * num)[:num]),
        config='pw3d',
    )
    marks = dict(__key_strict__=True, __temporal_len__=num, __keypoints_compressed__=compressed)
    path = folder / 'pw3d_train.npz'
    np.savez_compressed(path, **content, **marks)
    return path
