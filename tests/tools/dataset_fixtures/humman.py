"""HuMMan's reconstruction subset as its toolbox's README describes it, for one sequence.

`<sequence>/kinect_color/kinect_00X/00000N.png`, `kinect_mask/...`, `smpl_params/00000N.npz`,
`cameras.json` (K, R, T of colour and depth cameras), frames 0, 6, 12, ...; `train.txt`. The world
is the frame of colour camera 000.
"""

import json
from pathlib import Path

import cv2
import numpy as np

from tests.tools.dataset_fixtures.truth import (
    People,
    make_people,
    to_axis_angle,
    to_rotmat,
    write_photo,
)

SEQUENCE = 'p000455_a000986'
SHAPE = (180, 320)


def cameras(people: People) -> dict[str, dict[str, np.ndarray]]:
    """Camera 000 is the one that the people are labelled in; 001 stands aside and is turned."""
    turned = to_rotmat(np.array([0.1, 0.3, 0.05]))
    matrix = people.intrinsics - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])  # OpenCV's pixels
    middle = (people.pelvis + people.cam_t).mean(0)
    first = dict(K=matrix, R=np.eye(3), T=np.zeros(3))
    second = dict(K=matrix, R=turned, T=middle - turned @ middle)
    return {
        'kinect_color_000': first,
        'kinect_depth_000': first,
        'kinect_color_001': second,
        'kinect_depth_001': second,
    }


def write(folder: Path, frames: int = 6) -> People:
    """The sequence; the people are one person in `frames` frames."""
    people = make_people(frames, seed=4, ori_shape=SHAPE, pitch=0.15, roll=0.1)
    root = folder / SEQUENCE
    content = cameras(people)
    for index in range(frames):
        name = f'{6 * index:06d}'
        for kinect in ('kinect_000', 'kinect_001'):
            write_photo(root / 'kinect_color' / kinect / f'{name}.png', SHAPE, index)
            mask = np.zeros(SHAPE, np.uint8)
            mask[40:140, 100:150] = 255
            path = root / 'kinect_mask' / kinect / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), mask)
        params = root / 'smpl_params' / f'{name}.npz'
        params.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            params,
            betas=people.betas[index],
            body_pose=people.body_pose[index],
            global_orient=people.global_orient[index],
            transl=people.cam_t[index],
        )
    plain = {name: {k: v.tolist() for k, v in camera.items()} for name, camera in content.items()}
    (root / 'cameras.json').write_text(json.dumps(plain))
    (folder / 'train.txt').write_text(f'{SEQUENCE}\n')
    return people


def orient_in(people: People, index: int, camera: dict[str, np.ndarray]) -> np.ndarray:
    """Orientation of a person in one of the cameras."""
    return to_axis_angle(camera['R'] @ to_rotmat(people.global_orient[index]))
