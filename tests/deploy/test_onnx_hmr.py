"""An exported model gives what the inferencer gives, without torch."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from whmr.apis import HMRInferencer, HMRResult
from whmr.apis.hmr_result import SCHEMA_VERSION
from whmr.deploy import ModelFolder, OnnxHMR, onnx_hmr

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / 'demo' / 'images' / 'park_walk.jpg'
BOXES = np.array([[380, 150, 560, 640], [700, 170, 860, 650]], np.float32)
CAMERA = {'focal_length': 900.0, 'pitch': 0.1, 'roll': -0.05}
BLOCKED = ('torch', 'torchvision', 'mmengine', 'mmcv', 'cv2', 'PIL', 'timm', 'scipy', 'smplx')

# Runs where only numpy and onnxruntime can be imported.
ALONE = """
import sys
from importlib.machinery import PathFinder
class Wall(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split('.')[0] not in sys.argv[1].split(','):
            return super().find_spec(name, path, target)
sys.meta_path[sys.meta_path.index(PathFinder)] = Wall
import json, numpy as np
from whmr.deploy import OnnxHMR
folder, inputs, out = sys.argv[2:]
model = OnnxHMR(folder, num_threads=1, batch_size=1)
with np.load(inputs) as given:
    image, boxes = given['image'], given['boxes']
for number, camera in enumerate((None, json.loads(sys.stdin.read()))):
    result = model(image, boxes, camera=camera, image_name='park_walk.jpg')
    np.savez_compressed(f'{out}{number}.npz', **result)
turned = model(image[..., ::-1], boxes, order='rgb')
assert all(np.array_equal(turned[k], model(image, boxes)[k]) for k in ('vertices', 'pitch'))
whmr = sorted(name for name in sys.modules if name.startswith('whmr.'))
assert all(name.startswith(('whmr.deploy', 'whmr.version')) for name in whmr), whmr
"""


@pytest.mark.slow
def test_numpy_and_onnxruntime_are_enough(exported: Path, tmp_path: Path) -> None:
    image = cv2.imread(str(PHOTO))
    np.savez(tmp_path / 'inputs.npz', image=image, boxes=BOXES)
    paths = [str(path) for path in (exported, tmp_path / 'inputs.npz', tmp_path / 'out')]
    command = [sys.executable, '-c', ALONE, ','.join(BLOCKED), *paths]
    done = subprocess.run(
        command, input=json.dumps(CAMERA), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr

    inferencer = HMRInferencer(
        ROOT / 'configs' / 'whmr' / 'whmr_lite_stage3.py',
        ROOT / 'checkpoints' / 'whmr_lite.safetensors',
        device='cpu',
        detector=None,
    )
    for number, camera in enumerate((None, CAMERA)):
        ours = HMRResult.load(tmp_path / f'out{number}.npz')
        theirs = inferencer(PHOTO, boxes=BOXES, camera=camera, progress=False).results[0]
        assert_same(ours, theirs)


def assert_same(ours: HMRResult, theirs: HMRResult) -> None:
    """The same types, and numbers that differ by what float32 allows."""
    for name, want in vars(theirs).items():
        got = getattr(ours, name)
        if isinstance(want, str):
            assert Path(want).name == got or want == got, name
        elif want is not None:
            assert (got.shape, got.dtype) == (np.shape(want), np.asarray(want).dtype), name
            assert np.isfinite(want).all(), name
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.slow
def test_photo_without_people_and_wrong_arguments(exported: Path) -> None:
    model = OnnxHMR(exported, num_threads=1)
    image = np.zeros((60, 80, 3), np.uint8)
    empty = model(image, [])
    assert empty['vertices'].shape == (0, 6890, 3) and np.isnan(empty['world2cam_rotmat']).all()
    assert str(empty['rotation_source']) == str(empty['focal_source']) == 'unknown'
    told = model(image, [], camera={'focal_length': 70.0, 'pitch': 0.1, 'roll': 0.0})
    assert str(told['rotation_source']) == str(told['focal_source']) == 'given'
    assert (told['pitch'], told['vfov']) == (pytest.approx(0.1), pytest.approx(0.80978, abs=1e-4))
    with pytest.raises(ValueError, match=r'scores must be \(1,\)'):
        model(image, [[0, 0, 9, 9]], scores=[1, 1])
    for boxes in ([[1, 2, 3]], [[5, 5, 5, 9]], [[0, 0, np.nan, 9]], [[90, 0, 99, 9]]):
        with pytest.raises(ValueError, match='box'):
            model(image, boxes)
    with pytest.raises(ValueError, match='uint8'):
        model(image.astype(np.float32), [[0, 0, 9, 9]])
    with pytest.raises(ValueError, match="'bgr' or 'rgb'"):
        model(image, [[0, 0, 9, 9]], order='gray')
    with pytest.raises(ValueError, match='unknown fields'):
        model(image, [[0, 0, 9, 9]], camera={'zoom': 2})
    with pytest.raises(ValueError, match='batch_size'):
        OnnxHMR(exported, batch_size=0)
    with pytest.raises(ValueError, match='providers'):
        OnnxHMR(exported, providers=['NoSuchProvider'])


def test_schema_version_is_the_results() -> None:
    assert onnx_hmr.SCHEMA_VERSION == SCHEMA_VERSION


def write_folder(folder: Path, **changes: object) -> Path:
    """A description of a model without world, and its triangles; no ONNX file."""
    described = {
        'format': 'whmr-onnx',
        'format_version': 1,
        'whmr_version': '0',
        'topology': 'free_body',
        'num_vertices': 4,
        'num_betas': 10,
        'joint_names': ['a'],
        'crop': {'shape': [8, 6], 'padding': 1.2, 'antialias': True},
        'photo': {},
        'pixels': {'mean': [0, 0, 100], 'std': [1, 1, 50], 'order': 'rgb'},
        'rotation_source': None,
        'orientation_inputs': {},
        **changes,
    }
    (folder / 'model.json').write_text(json.dumps(described))
    np.save(folder / 'faces.npy', np.zeros((2, 3), np.int32))
    return folder


@pytest.mark.parametrize(
    ('changes', 'error', 'message'),
    [
        ({}, FileNotFoundError, 'model.onnx missing'),
        ({'rotation_source': 'predicted'}, FileNotFoundError, 'model.onnx, camera.onnx, orient'),
        ({'format_version': 2}, ValueError, 'this library reads'),
        ({'colour': 1}, ValueError, 'damaged or of another version'),
    ],
)
def test_wrong_folders_are_refused(
    tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ModelFolder.read(write_folder(tmp_path, **changes))


def test_no_folder_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='whmr export-onnx'):
        OnnxHMR(tmp_path)
    write_folder(tmp_path)
    (tmp_path / 'model.onnx').write_bytes(b'nothing')
    with pytest.raises(ValueError, match='damaged or no ONNX model'):
        OnnxHMR(tmp_path)
    (tmp_path / 'model.json').write_text('{')
    with pytest.raises(ValueError, match=r'model\.json: damaged'):
        ModelFolder.read(tmp_path)


def test_pixels_are_normalised_in_the_networks_order(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / 'model.onnx').touch()
    folder = ModelFolder.read(tmp_path)
    blue = np.zeros((2, 2, 3), np.uint8)
    blue[..., 0] = 200
    for picture, order in ((blue, 'bgr'), (blue[..., ::-1], 'rgb')):
        found = folder.normalised(picture, order)
        assert found.shape == (1, 3, 2, 2) and found.dtype == np.float32
        assert found[0, :, 0, 0].tolist() == [0, 0, 2]
