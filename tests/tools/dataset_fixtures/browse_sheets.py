"""The browse sheets of docs/images: SyntheticWorld, and 3DPW and AGORA in miniature, converted.

    python -m tests.tools.dataset_fixtures.browse_sheets docs/images

The photos are renders of the scenes' bodies by the scenes' own cameras: a label that a converter
got wrong would not lie on its person.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

from tests.tools.dataset_fixtures import agora, threedpw
from tests.tools.dataset_fixtures.loading import load_converter, load_tool
from tests.tools.dataset_fixtures.scene import Scene, body
from whmr.datasets import load_annotations, save_annotations
from whmr.datasets.conversion import convert_split
from whmr.rendering import SceneCamera, SceneGround, SceneMesh, SkyGradient, render_scene

ROOT = Path(__file__).resolve().parents[3]
WIDTH = 1200  # px
COLORS = ((0.80, 0.45, 0.35), (0.35, 0.55, 0.75), (0.45, 0.65, 0.40))
CONFIG = """
_base_ = ['{base}']
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='HMRDataset',
        ann_file='{ann}',
        data_prefix=dict(img='{images}'),
        pipeline=_base_.{pipeline},
    )
)
"""


def render(
    path: Path,
    people: list[np.ndarray],
    intrinsics: np.ndarray,
    world2cam: np.ndarray,
    size: tuple[int, int],
) -> None:
    """A photo of people on a floor, if the camera is above it.

    Shapes: people: (V, 3) m each, camera axes.  intrinsics: (3, 3) continuous px.
        world2cam: (3, 3).  size: W, H.
    """
    placed = [vertices @ world2cam for vertices in people]
    meshes = [
        SceneMesh(vertices, body().faces.numpy(), colors=COLORS[index])
        for index, vertices in enumerate(placed)
    ]
    floor = float(max(vertices[:, 1].max() for vertices in placed))
    picture = render_scene(
        meshes,
        SceneCamera(intrinsics, size[::-1], rotation=world2cam),
        ground=SceneGround.checkerboard(floor) if floor > 0 else None,
        background=SkyGradient(),
    )
    assert cv2.imwrite(str(path), picture.rgb[..., ::-1])


def vertices_of(scene: Scene, frame: int, rotmat: np.ndarray, transl: np.ndarray) -> np.ndarray:
    """The body of a scene before a camera.

    Shapes: rotmat: (3, 3).  transl: (3,) m.  returns: (V, 3) m.
    """
    pose, trans = scene.poses[frame], scene.trans[frame]
    numbers = (scene.betas, pose[:3], pose[3:], trans)
    with torch.inference_mode():
        out = body()(*(torch.from_numpy(number).float()[None] for number in numbers))
    return out.vertices[0].double().numpy() @ rotmat.T + transl


def make_3dpw(source: Path, out: Path) -> tuple[Path, Path]:
    """The annotation file of a converted miniature, and the folder of its photos."""
    name = 'downtown_walk_00'
    scenes = threedpw.make(source, split='train', name=name)
    first = scenes[0]
    intrinsics = first.camera + np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    for frame in range(threedpw.NUM_FRAMES):
        camera = first.rotmat[frame], first.cam_transl[frame]
        people = [vertices_of(scene, frame, *camera) for scene in scenes]
        path = source / 'imageFiles' / name / f'image_{frame:05d}.jpg'
        render(path, people, intrinsics, first.world2cam[frame], threedpw.SIZE)
    converter = load_converter('3dpw').ThreeDPWConverter(source, out)
    convert_split(converter, 'train', check=True)
    return converter.output('train'), converter.images


def make_agora(source: Path, out: Path) -> tuple[Path, Path]:
    """The annotation file of a converted miniature, and the folder of its photos."""
    scenes = [agora.scene(2, seed=5), agora.scene(3, seed=8, pitch=0.05)]
    agora.write(source, scenes)
    for number, people in enumerate(scenes):
        path = source / 'train' / agora.photo_name(number).replace('.png', '_1280x720.png')
        render(path, list(people.vertices), people.intrinsics, people.world2cam, (1280, 720))
    converter = load_converter('agora').Agora(source, out)
    convert_split(converter, 'train', check=True)
    return converter.output('train'), converter.images


def give_to_free_body(path: Path) -> None:
    """Let the free body, which the miniatures are made of, wear labels that say SMPL.

    It has no genders, and its pelvis is at its origin.
    """
    columns, meta = load_annotations(path)
    del columns['gender']
    columns['cam_t'] = columns['cam_t'] + columns.pop('pelvis')
    columns['pelvis'] = np.zeros_like(columns['cam_t'])
    save_annotations(path, columns, meta | dict(topology='free_body'))


SETS: dict[str, tuple[Callable[[Path, Path], tuple[Path, Path]], str]] = {
    '3dpw': (make_3dpw, 'world_test_pipeline'),
    'agora': (make_agora, 'world_train_pipeline'),
}


def browse(config: Path, target: Path, *arguments: str) -> None:
    """The sheet of a config's training samples as a JPEG."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(config), '--out-dir', folder, '--num', '4', *arguments]
        assert load_tool('analysis/browse_dataset').main(command) == 0
        sheet = cv2.imread(f'{folder}/sheet.png')
    size = (WIDTH, round(sheet.shape[0] * WIDTH / sheet.shape[1]))
    sheet = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    assert cv2.imwrite(str(target), sheet, [cv2.IMWRITE_JPEG_QUALITY, 85])


def main(folder: Path) -> None:
    """Write `browse_synthetic.jpg`, `browse_3dpw.jpg` and `browse_agora.jpg`."""
    stage3 = ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py'
    browse(stage3, folder / 'browse_synthetic.jpg', '--seed', '3')
    for name, (make, pipeline) in SETS.items():
        with tempfile.TemporaryDirectory() as temporary:
            work = Path(temporary)
            ann, images = make(work / 'source', work / 'data' / name)
            give_to_free_body(ann)
            config = work / f'{name}.py'
            settings = dict(base=stage3, ann=ann, images=images, pipeline=pipeline)
            config.write_text(CONFIG.format(**settings), encoding='utf-8')
            browse(config, folder / f'browse_{name}.jpg')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
