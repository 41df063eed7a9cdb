"""A file of CLIFF's pseudo labels as its README describes it, and its photos.

Arrays imgname, center (N, 2), scale (N,), part (N, 24, 3), annot_id (N,), pose (N, 72), shape
(N, 10), has_smpl (N,), global_t (N, 3), focal_l (N,) = image diagonal, S (N, 24, 4) about the
pelvis. `moved`: global_t is SMPL's translation instead of the place of the pelvis.
"""

from pathlib import Path

import numpy as np

from tests.tools.dataset_fixtures import spin_npz
from tests.tools.dataset_fixtures.truth import People


def write(folder: Path, people: People, *, moved: bool = False) -> Path:
    """Photos and label file; `people` must be seen with the focal length of the diagonal."""
    labels = spin_npz.write(folder, people, world=False)
    content = dict(np.load(labels))
    num = len(people.betas)
    joints = people.spin49[1][:, 25:]
    root = people.pelvis + people.cam_t
    content['S'][..., :3] = joints - root[:, None]
    content['global_t'] = people.cam_t if moved else root
    content['focal_l'] = np.full(num, np.hypot(*people.ori_shape))
    content['annot_id'] = np.arange(num)
    for name in ('openpose', 'gender'):
        del content[name]
    path = folder / 'coco2014part_cliffGT.npz'
    np.savez(path, **content)
    return path
