"""The sets of single photos in miniature, each exactly in the layout of the originals.

`make_lsp`, `make_lspet`, `make_coco`, `make_aic`, `make_mpii` write a folder and return the scene.
Joints of the free body (of `smpl54`) stand for the annotated ones.
"""

import json
from pathlib import Path

import numpy as np
import scipy.io

from tests.tools.dataset_fixtures.scene import Scene, make_scene, write_photo
from whmr.keypoints import JOINT_SETS

SMPL54 = JOINT_SETS['smpl54'].joints
SIZE = (320, 240)


def pixels_of(scene: Scene, joint_set: str) -> np.ndarray:
    """Joints of a set in the photos of a scene, pixel centres at whole numbers.

    Args:
        scene: The scene.
        joint_set: Name of a set whose joints the body has.

    Shapes: returns: (N, K, 2) px.
    """
    return scene.pixels[:, [SMPL54.index(name) for name in JOINT_SETS[joint_set].joints]]


def make_lsp(folder: Path, num: int = 4) -> Scene:
    """`joints.mat` with `joints` (3, 14, N), x and y from 1, and `images/im0001.jpg` ..."""
    scene = make_scene(num, size=SIZE, seed=10)
    hidden = np.zeros((num, 14, 1))
    hidden[0, 3] = 1
    joints = np.concatenate([pixels_of(scene, 'lsp14') + 1, hidden], axis=2)
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / 'joints.mat', dict(joints=joints.transpose(2, 1, 0)))
    for i in range(num):
        write_photo(folder / 'images' / f'im{i + 1:04d}.jpg', SIZE)
    return scene


def make_lspet(folder: Path, num: int = 3) -> tuple[Scene, np.ndarray]:
    """`joints.mat` with `joints` (14, 3, N) and `images/im00001.jpg`; also what is annotated."""
    scene = make_scene(num, size=SIZE, seed=11)
    annotated = np.ones((num, 14))
    annotated[0, [0, 5]] = 0
    joints = np.concatenate([pixels_of(scene, 'lsp14') + 1, annotated[..., None]], axis=2)
    joints[annotated == 0, :2] = -27  # hidden joints have no position
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / 'joints.mat', dict(joints=joints.transpose(1, 2, 0)))
    for i in range(num):
        write_photo(folder / 'images' / f'im{i + 1:05d}.jpg', SIZE)
    return scene, annotated


def make_coco(folder: Path, *, year: int = 2014, part: str = 'train', num: int = 3) -> Scene:
    """`annotations/person_keypoints_<part><year>.json` and the photos."""
    scene = make_scene(num, size=SIZE, seed=12)
    points = pixels_of(scene, 'coco17')
    images, annotations = [], []
    for i in range(num):
        name = f'COCO_train2014_{100 + i:012d}.jpg' if year == 2014 else f'{100 + i:012d}.jpg'
        write_photo(folder / f'{part}{year}' / name, SIZE)
        images.append(dict(id=100 + i, file_name=name, width=SIZE[0], height=SIZE[1]))
        flags = np.full((17, 1), 2.0)
        flags[3], flags[4] = 1, 0  # hidden but labelled; not labelled
        keypoints = np.concatenate([points[i], flags], axis=1)
        keypoints[4] = 0
        low, high = points[i].min(0), points[i].max(0)
        box = [*low, *(high - low)]
        annotations.append(
            dict(id=10 + i, image_id=100 + i, category_id=1, iscrowd=0, area=float(box[2] * box[3]),
                 keypoints=keypoints.ravel().tolist(), num_keypoints=16, bbox=box)
        )  # fmt: skip
    crowd = dict(annotations[0], id=90, iscrowd=1)
    unlabelled = dict(annotations[0], id=91, keypoints=[0] * 51, num_keypoints=0)
    joints = JOINT_SETS['coco17'].joints
    content = dict(
        info={}, licenses=[], images=images, annotations=[*annotations, crowd, unlabelled],
        categories=[dict(id=1, name='person', keypoints=list(joints), skeleton=[])],
    )  # fmt: skip
    path = folder / 'annotations' / f'person_keypoints_{part}{year}.json'
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return scene


# AI Challenger's order: arms, legs, head top, neck.
AIC_JOINTS = (
    'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow', 'left_wrist',
    'right_hip_lsp', 'right_knee', 'right_ankle', 'left_hip_lsp', 'left_knee', 'left_ankle',
    'head_top_lsp', 'neck_lsp',
)  # fmt: skip


def make_aic(folder: Path, num: int = 2) -> Scene:
    """The training part: a list of photos, each with `human1` and a `human2` without joints."""
    scene = make_scene(num, size=SIZE, seed=13)
    points = scene.pixels[:, [SMPL54.index(name) for name in AIC_JOINTS]]
    part = folder / 'ai_challenger_keypoint_train_20170902'
    photos = []
    for i in range(num):
        write_photo(part / 'keypoint_train_images_20170902' / f'{i:040x}.jpg', SIZE)
        flags = np.ones((14, 1))
        flags[1], flags[2] = 2, 3  # hidden but labelled; not labelled
        keypoints = np.concatenate([np.where(flags == 3, 0, points[i]), flags], axis=1)
        box = np.concatenate([points[i].min(0) - 5, points[i].max(0) + 5])
        marks = dict(human1=keypoints.ravel().tolist(), human2=[0.0, 0, 3] * 14)
        photos.append(
            dict(
                image_id=f'{i:040x}',
                human_annotations=dict(human1=box.tolist(), human2=[1, 1, 9, 9]),
                keypoint_annotations=marks,
                url='',
            )
        )
    (part / 'keypoint_train_annotations_20170902.json').write_text(json.dumps(photos))
    return scene


# By MPII's ids 0..15.
MPII_JOINTS = (
    'right_ankle', 'right_knee', 'right_hip_lsp', 'left_hip_lsp', 'left_knee', 'left_ankle',
    'pelvis_mpii', 'thorax_mpii', 'neck_lsp', 'head_top_lsp', 'right_wrist', 'right_elbow',
    'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist',
)  # fmt: skip
MPII_SCALE = 0.9
MPII_OBJPOS = (150.0, 100.0)
MPII_UNLABELLED = 5


def make_mpii(folder: Path, num: int = 2) -> Scene:
    """`mpii_human_pose_v1_u12_1.mat` and `images/`.

    Beside the people of the scene (ids in reverse order, one joint missing) it has, as the
    original, a photo of the test part without points, a person with an empty `annopoints`, a photo
    without people, and a person without scale and position.
    """
    scene = make_scene(num, size=SIZE, seed=14)
    points = scene.pixels[:, [SMPL54.index(name) for name in MPII_JOINTS]] + 1
    photos, train = [], []
    for i in range(num):
        order = [k for k in reversed(range(16)) if k != MPII_UNLABELLED]
        point = struct_array(
            [dict(x=points[i, k, 0], y=points[i, k, 1], id=float(k), is_visible='1') for k in order]
        )
        rect = dict(
            x1=1.0, y1=1.0, x2=5.0, y2=5.0, annopoints=dict(point=point), scale=MPII_SCALE,
            objpos=dict(x=MPII_OBJPOS[0], y=MPII_OBJPOS[1]),
        )  # fmt: skip
        nobody = dict(rect, annopoints=np.zeros((0, 0)))
        alone = dict(rect, scale=np.zeros((0, 0)), objpos=np.zeros((0, 0)))
        people = {0: [rect, nobody], 1: [alone]}.get(i, [rect])
        photos.append(dict(image=dict(name=f'{i:09d}.jpg'), annorect=struct_array(people)))
        train.append(1.0)
        write_photo(folder / 'images' / f'{i:09d}.jpg', SIZE)
    hidden = dict(scale=1.0, objpos=dict(x=3.0, y=4.0))
    photos += [
        dict(image=dict(name='900000000.jpg'), annorect=struct_array([hidden])),
        dict(image=dict(name='900000001.jpg'), annorect=np.zeros((0, 0))),
    ]
    train += [0.0, 1.0]
    release = dict(annolist=struct_array(photos), img_train=np.array([train]), version='12')
    path = folder / 'mpii_human_pose_v1_u12_2' / 'mpii_human_pose_v1_u12_1.mat'
    path.parent.mkdir(parents=True)
    scipy.io.savemat(path, dict(RELEASE=release))
    return scene


def struct_array(rows: list[dict]) -> np.ndarray:
    """MATLAB's 1 x N array of structs.

    Args:
        rows: Its elements, all with the same fields.
    """
    array = np.zeros((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        for name, value in row.items():
            array[0, i][name] = value
    return array
