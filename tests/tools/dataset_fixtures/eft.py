"""A file of EFT's as its docs/README_dataformat.md describes it, and its photos.

`{"ver": 0.1, "data": [record, ...]}`; a record has parm_pose (24 x 3 x 3), parm_shape (10),
parm_cam (3), bbox_scale, bbox_center, imageName, smpltype, annotId and gt_keypoint_2d (49 x 3).
"""

import json
from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures import spin_npz
from tests.tools.dataset_fixtures.truth import People, to_rotmat, write_photo


def records(people: People) -> list[dict]:
    """The records; each person has a photo of their own."""
    content = spin_npz.arrays(people, world=False)
    keypoints = np.concatenate([content['openpose'], content['part']], 1)
    return [
        dict(
            parm_pose=to_rotmat(people.pose[i].reshape(24, 3)).tolist(),
            parm_shape=people.betas[i].tolist(),
            parm_cam=[0.9, 0.0, 0.1],
            bbox_scale=float(content['scale'][i]),
            bbox_center=content['center'][i].tolist(),
            joint_validity_openpose18=[True] * 18,
            smpltype='smpl',
            annotId=i,
            imageName=f'{i:03d}.png',
            gt_keypoint_2d=keypoints[i].tolist(),
        )
        for i in range(len(people.betas))
    ]


def write(folder: Path, people: People, content: list[dict] | None = None) -> Path:
    """Photos and label file; returns the file."""
    for index in range(len(people.betas)):
        write_photo(folder / f'{index:03d}.png', people.ori_shape, index)
    content = records(people) if content is None else content
    path = folder / 'COCO2014-All-ver01.json'
    path.write_text(json.dumps(dict(ver=0.1, data=content)))
    return path
