"""WebDataset tars as 4D-Humans distributes its training data.

`<folder>/000000.tar`, ... with, sorted by name, `NAME.data.pyd` (a pickled list of dicts: the
fields are those of the `.data.pyd` description that the project's issue #84 points to),
`NAME.detection.npz` (not read) and `NAME.jpg`.
"""

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.tools.dataset_fixtures.truth import People


def people_of(people: People) -> list[dict[str, Any]]:
    """What one `.data.pyd` holds."""
    points, joints = people.spin49
    boxes = people.boxes
    return [
        dict(
            keypoints_2d=np.insert(points[i, :44], 2, 0.8, axis=1).astype(np.float32),
            keypoints_3d=np.insert(joints[i, :44], 3, 1.0, axis=1).astype(np.float32),
            center=((boxes[i, :2] + boxes[i, 2:]) / 2).astype(np.float32),
            scale=((boxes[i, 2:] - boxes[i, :2]) / 200).astype(np.float32),
            body_pose=people.pose[i].astype(np.float32),
            betas=people.betas[i].astype(np.float32),
            has_body_pose=True,
            has_betas=np.float32(1),
            personid=i,
            extra_info=dict(fitting_loss=np.array(dict(reprojection_loss=100.0), dtype=object)),
        )
        for i in range(len(people.betas))
    ]


def photo(people: People, seed: int) -> bytes:
    """A JPEG of the right size."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    done, data = cv2.imencode('.jpg', cv2.resize(coarse, people.ori_shape[::-1]))
    assert done
    return data.tobytes()


def write(path: Path, samples: dict[str, dict[str, bytes]]) -> Path:
    """A tar of samples: name to the contents by ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, 'w') as tar:
        for key, files in samples.items():
            for ending, content in sorted(files.items()):
                info = tarfile.TarInfo(f'{key}.{ending}')
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def sample(people: People, seed: int = 0) -> dict[str, bytes]:
    """The files of one sample."""
    return {
        'data.pyd': pickle.dumps(people_of(people)),
        'detection.npz': b'not read',
        'jpg': photo(people, seed),
    }


def write_set(folder: Path, groups: list[People], per_tar: int = 2) -> None:
    """All tars of a set, a photo for each group of people."""
    for start in range(0, len(groups), per_tar):
        chosen = {
            f'v{index:03d}_frame': sample(groups[index], index)
            for index in range(start, min(start + per_tar, len(groups)))
        }
        write(folder / f'{start // per_tar:06d}.tar', chosen)
