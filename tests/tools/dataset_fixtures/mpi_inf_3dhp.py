"""MPI-INF-3DHP in miniature: `S1/Seq1` with two cameras, and `mpi_inf_3dhp_test_set/TS1`.

Training: `annot.mat` (cells of N x 56 px and N x 84 mm), `camera.calibration` and videos. Testing:
`annot_data.mat` in HDF5 and photos. World with y up, lengths in mm.
"""

from pathlib import Path

import h5py
import numpy as np
import scipy.io

from tests.tools.dataset_fixtures.photo_sets import SMPL54
from tests.tools.dataset_fixtures.scene import Scene, make_scene, write_photo, write_video

SIZE = (256, 256)
NUM_FRAMES = 23  # every 10th: 0, 10, 20
NUM_CAMERAS = 2
NUM_TEST = 4
INVALID = 2  # frame of the test sequence
# Points of the body that stand for the 28 and the 17 joints, in the order of the files.
TRAIN_JOINTS = (
    'spine3', 'spine2', 'spine1', 'spine_h36m', 'pelvis_mpii', 'neck_lsp', 'jaw_h36m', 'head_h36m',
    'left_collar', 'left_shoulder', 'left_elbow', 'left_wrist', 'left_hand',
    'right_collar', 'right_shoulder', 'right_elbow', 'right_wrist', 'right_hand',
    'left_hip_lsp', 'left_knee', 'left_ankle', 'left_foot', 'left_big_toe',
    'right_hip_lsp', 'right_knee', 'right_ankle', 'right_foot', 'right_big_toe',
)  # fmt: skip
TEST_JOINTS = (
    'head_h36m', 'neck_lsp', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder',
    'left_elbow', 'left_wrist', 'right_hip_lsp', 'right_knee', 'right_ankle', 'left_hip_lsp',
    'left_knee', 'left_ankle', 'pelvis_mpii', 'spine_h36m', 'jaw_h36m',
)  # fmt: skip


def pick(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Some of the 54 joints.

    Shapes: values: (N, 54, D).  returns: (N, K, D).
    """
    return values[:, [SMPL54.index(name) for name in names]]


def make_train(folder: Path) -> list[Scene]:
    """One sequence; returns what each camera sees."""
    sequence = folder / 'S1' / 'Seq1'
    scenes = [
        make_scene(NUM_FRAMES, size=SIZE, still=True, seed=20 + c) for c in range(NUM_CAMERAS)
    ]
    cells = {name: np.empty((NUM_CAMERAS, 1), object) for name in ('annot2', 'annot3')}
    lines = ['Skeletool Camera Calibration File V1.0']
    for c, scene in enumerate(scenes):
        cells['annot2'][c, 0] = pick(scene.pixels, TRAIN_JOINTS).reshape(NUM_FRAMES, -1)
        cells['annot3'][c, 0] = pick(scene.in_camera, TRAIN_JOINTS).reshape(NUM_FRAMES, -1) * 1000
        inner, outer = np.eye(4), np.eye(4)
        inner[:3, :3] = scene.camera
        outer[:3, :3], outer[:3, 3] = scene.rotmat[0], scene.cam_transl[0] * 1000
        lines += [
            f'name          {c}',
            '  sensor      10 10',
            f'  size        {SIZE[0]} {SIZE[1]}',
            '  animated    0',
            f'  intrinsic   {" ".join(map(repr, inner.ravel().tolist()))} ',
            f'  extrinsic   {" ".join(map(repr, outer.ravel().tolist()))} ',
            '  radial      0',
        ]
        write_video(sequence / 'imageSequence' / f'video_{c}.avi', SIZE, NUM_FRAMES, 'MJPG')
    (sequence / 'camera.calibration').write_text('\n'.join(lines) + '\n')
    cells['univ_annot3'] = cells['annot3']
    frames, cameras = np.arange(NUM_FRAMES)[:, None], np.arange(NUM_CAMERAS)[None]
    scipy.io.savemat(sequence / 'annot.mat', dict(cells, frames=frames, cameras=cameras))
    return scenes


def make_test(folder: Path) -> Scene:
    """One test sequence."""
    sequence = folder / 'mpi_inf_3dhp_test_set' / 'TS1'
    scene = make_scene(NUM_TEST, size=SIZE, seed=30)
    valid = np.ones((NUM_TEST, 1))
    valid[INVALID] = 0
    sequence.mkdir(parents=True)
    with h5py.File(sequence / 'annot_data.mat', 'w') as file:
        file['annot2'] = pick(scene.pixels, TEST_JOINTS)[:, None]
        file['annot3'] = pick(scene.in_camera, TEST_JOINTS)[:, None] * 1000
        file['univ_annot3'] = pick(scene.in_camera, TEST_JOINTS)[:, None] * 990
        file['valid_frame'] = valid
        file['activity_annotation'] = np.ones((NUM_TEST, 1))
    for i in range(NUM_TEST):
        write_photo(sequence / 'imageSequence' / f'img_{i + 1:06d}.jpg', SIZE)
    return scene
