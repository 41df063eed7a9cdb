"""Human3.6M in miniature: `S<n>/MyPoseFeatures/D3_Positions/*.cdf`, `S<n>/Videos/*.mp4` and
`metadata.xml`.

World with z up, lengths in mm, cameras with lens distortion; the `w0` of the metadata holds Euler
angles (x, y, z) and position of 4 cameras x 11 subjects, then focal lengths, principal point,
k1, k2, k3, p1, p2 of the 4 cameras.
"""

from pathlib import Path

import cdflib.cdfwrite
import numpy as np

from tests.tools.dataset_fixtures.photo_sets import SMPL54
from tests.tools.dataset_fixtures.scene import Scene, make_scene, write_video

SIZE = (320, 320)
NUM_FRAMES = 12  # every 5th: 0, 5, 10
CAMERAS = ('54138969', '55011271', '58860488', '60457274')
RADIAL, TANGENTIAL = (-0.207, 0.247, -0.003), (-0.0009, -0.0016)
# What stands for the 17 joints, by their place among the 32.
JOINTS = {
    0: 'pelvis_mpii', 1: 'right_hip_lsp', 2: 'right_knee', 3: 'right_ankle', 6: 'left_hip_lsp',
    7: 'left_knee', 8: 'left_ankle', 12: 'spine_h36m', 13: 'neck_lsp', 14: 'jaw_h36m',
    15: 'head_h36m', 17: 'left_shoulder', 18: 'left_elbow', 19: 'left_wrist',
    25: 'right_shoulder', 26: 'right_elbow', 27: 'right_wrist',
}  # fmt: skip


def euler_angles(rotmat: np.ndarray) -> np.ndarray:
    """x, y, z with `rotmat = Rx Ry Rz`.

    Shapes: rotmat: (3, 3).  returns: (3,) rad.
    """
    y = np.arcsin(rotmat[0, 2])
    x = np.arctan2(-rotmat[1, 2], rotmat[2, 2])
    return np.array([x, y, np.arctan2(-rotmat[0, 1], rotmat[0, 0])])


def distorted_pixels(scene: Scene, frame: int) -> np.ndarray:
    """The 17 joints in a photo, through the lens, by the formula of the set's own code.

    Shapes: returns: (17, 2) px, counted from pixel centres.
    """
    (k1, k2, k3), (p1, p2), camera = RADIAL, TANGENTIAL, scene.camera
    pixels = []
    for joint in (SMPL54.index(name) for name in JOINTS.values()):
        x, y, z = scene.in_camera[frame, joint]
        x, y = x / z, y / z
        r2 = x**2 + y**2
        scale = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + p1 * y + p2 * x
        u, v = x * scale + p2 * r2, y * scale + p1 * r2
        pixels.append((camera[0, 0] * u + camera[0, 2], camera[1, 1] * v + camera[1, 2]))
    return np.array(pixels)


def make(
    folder: Path, *, subject: int = 9, action: str = 'Directions 1', cameras: int = 4
) -> list[Scene]:
    """One action of one subject; returns what each camera sees (all see the same frames)."""
    first = make_scene(NUM_FRAMES, up='z', size=SIZE, still=True, seed=40)
    scenes = [first]
    for c in range(1, 4):
        other = make_scene(NUM_FRAMES, up='z', size=SIZE, still=True, seed=40 + c)
        middle = first.joints[:, 0].mean(0)
        transl = np.array([0.1, 0, 9.0]) - other.rotmat[0] @ middle
        in_camera = np.einsum('nij,nkj->nki', other.rotmat, first.joints) + transl
        scenes.append(
            Scene(**{**vars(other), 'joints': first.joints, 'in_camera': in_camera,
                     'cam_transl': np.tile(transl, (NUM_FRAMES, 1))})
        )  # fmt: skip
    pose = np.zeros((NUM_FRAMES, 32, 3))
    pose[:, list(JOINTS)] = first.joints[:, [SMPL54.index(name) for name in JOINTS.values()]] * 1000
    write_cdf(
        folder / f'S{subject}' / 'MyPoseFeatures' / 'D3_Positions' / f'{action}.cdf',
        pose.reshape(NUM_FRAMES, 96).astype(np.float32),
    )
    for camera in CAMERAS[:cameras]:
        write_video(
            folder / f'S{subject}' / 'Videos' / f'{action}.{camera}.mp4', SIZE, NUM_FRAMES, 'mp4v'
        )
    write_metadata(folder / 'Release-v1.1' / 'metadata.xml', scenes, subject)
    return scenes


def write_cdf(path: Path, pose: np.ndarray) -> None:
    """A CDF file with the variable `Pose` of one record.

    Shapes: pose: (N, 96).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    spec = dict(
        Variable='Pose', Data_Type=44, Num_Elements=1, Rec_Vary=True, Dim_Sizes=list(pose.shape)
    )
    file = cdflib.cdfwrite.CDF(path, delete=True)
    file.write_var(spec, var_data=pose[None])
    file.close()


def write_metadata(path: Path, scenes: list[Scene], subject: int) -> None:
    """The cameras; other subjects than this one have theirs elsewhere."""
    outer = np.zeros((4, 11, 6))
    inner = np.zeros((4, 9))
    for c, scene in enumerate(scenes):
        position = -scene.rotmat[0].T @ scene.cam_transl[0] * 1000
        outer[c, subject - 1] = [*euler_angles(scene.rotmat[0]), *position]
        inner[c] = [*np.diag(scene.camera)[:2], *scene.camera[:2, 2], *RADIAL, *TANGENTIAL]
    numbers = ' '.join(map(repr, [*outer.ravel().tolist(), *inner.ravel().tolist()]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<metadata><subjects/><w0>[{numbers}]</w0><actionnames/></metadata>\n'
    )
