"""3DPW in miniature: `sequenceFiles/<split>/<sequence>.pkl` and `imageFiles/<sequence>/*.jpg`.

Written as the originals are: by Python 2's pickle protocol, world with y up.
"""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tests.tools.dataset_fixtures.scene import Scene, make_scene, write_photo

NUM_FRAMES = 4
NO_CAMERA, NO_DETECTION = 1, 2  # frames of the second actor
# OpenPose's 18 COCO points among the joints of `smpl54`.
DETECTED = (24, 12, 17, 19, 21, 16, 18, 20, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28)
SIZE = (240, 320)


def sequence_fields(name: str, scenes: list[Scene], genders: list[str]) -> dict[str, Any]:
    """The content of a sequence's pickle; the actors share the cameras of the first scene."""
    first = scenes[0]
    poses4 = np.tile(np.eye(4), (NUM_FRAMES, 1, 1))
    poses4[:, :3, :3], poses4[:, :3, 3] = first.rotmat, first.cam_transl
    detections = []
    for scene in scenes:
        in_camera = np.einsum('nij,nkj->nki', first.rotmat, scene.joints)
        pixels = (in_camera + first.cam_transl[:, None]) @ first.camera.T
        points = (pixels[..., :2] / pixels[..., 2:])[:, DETECTED]
        conf = np.full((*points.shape[:2], 1), 0.9)
        detections.append(np.concatenate([points, conf], 2).transpose(0, 2, 1))
    valid = [np.ones(NUM_FRAMES) for _ in scenes]
    valid[-1][NO_CAMERA] = 0
    detections[-1][NO_DETECTION] = 0
    return dict(
        sequence=name,
        poses2d=detections,
        poses=[scene.poses for scene in scenes],
        betas=[np.concatenate([scene.betas, np.zeros(290)]) for scene in scenes],
        trans=[scene.trans for scene in scenes],
        cam_intrinsics=first.camera,
        cam_poses=poses4,
        campose_valid=valid,
        genders=genders,
        jointPositions=[scene.joints[:, :24].reshape(NUM_FRAMES, 72) for scene in scenes],
        img_frame_ids=np.arange(NUM_FRAMES) * 2,
        texture_maps=[],
    )


def make_scenes(up: str = 'y') -> list[Scene]:
    """Two actors: the second stands beside the first, in the first one's world."""
    first = make_scene(NUM_FRAMES, up=up, size=SIZE, seed=3)
    offset = np.einsum('nji,j->ni', first.rotmat, np.array([0.4, 0.0, 0.6]))
    moved = replace(first, trans=first.trans + offset, joints=first.joints + offset[:, None])
    return [first, moved]


def make(
    folder: Path, *, split: str = 'test', name: str = 'downtown_walk_00', up: str = 'y'
) -> list[Scene]:
    """Write one sequence of two actors (male, female) and return their scenes."""
    scenes = make_scenes(up)
    path = folder / 'sequenceFiles' / split / f'{name}.pkl'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(sequence_fields(name, scenes, ['m', 'f']), protocol=2))
    for frame in range(NUM_FRAMES):
        write_photo(folder / 'imageFiles' / name / f'image_{frame:05d}.jpg', SIZE)
    return scenes
