import errno
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from whmr.apis import HMRResult, focal_from_35mm
from whmr.engine import ConfigError
from whmr.visualization.export import ResultsTable


def load_tool(name: str):
    path = Path(__file__).resolve().parents[2] / 'tools' / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def tool():
    return load_tool('infer.py')


@pytest.fixture(scope='module')
def merge_tool():
    return load_tool('misc/merge_results.py')


@pytest.fixture
def run(tool, config_file: Path, tmp_path: Path) -> Callable[..., int]:
    """Runs the tool on the stand-in; pictures and meshes only on request."""

    def call(*args: str, out: Path = tmp_path / 'out') -> int:
        common = ['--config', str(config_file), '--device', 'cpu', '--no-progress']
        return tool.main([*map(str, args), '--out', str(out), *common])

    return call


QUICK = ('--no-pictures', '--no-meshes')
BOX = ('--boxes', '10,5,30,55')
RUN_FILES = {'results.npz', 'report.json', 'run'}  # of every folder


def test_photo_with_everything(run, write_photo, tmp_path: Path, capsys) -> None:
    assert run(write_photo('a.jpg'), *BOX, '--on-ground') == 0
    found = {path.name for path in (tmp_path / 'out').iterdir()}
    assert (
        found
        == {
            'a.npz',
            'a_overlay.png',
            'a_side.png',
            'a_world.png',
            'a_person0_camera.obj',
            'a_person0_world.obj',
        }
        | RUN_FILES
    )
    assert '1 people in 1 images' in capsys.readouterr().out


def test_folder_and_video_with_bad_files(
    run, write_photo, video: Path, tmp_path: Path, capsys
) -> None:
    folder = write_photo('a.jpg').parent
    write_photo('b.png')
    (folder / 'broken.jpg').write_bytes(b'no picture')
    assert run(folder, video, folder / 'gone.jpg', *BOX, *QUICK, '--every', '5') == 1
    found = {path.name for path in (tmp_path / 'out').iterdir()} - RUN_FILES
    assert found == {'a.npz', 'b.npz', 'clip_000000.npz', 'clip_000005.npz'}
    printed = capsys.readouterr().out
    assert '2 failures' in printed and 'broken.jpg: ' in printed and 'gone.jpg: ' in printed


def test_whole_photo_and_nobody(run, write_photo, tmp_path: Path, capsys) -> None:
    pytest.importorskip('onnxruntime')
    photo = write_photo('a.jpg')
    assert run(photo, '--detector', 'whole', *QUICK) == 0
    assert len(HMRResult.load(tmp_path / 'out' / 'a.npz')) == 1
    assert run(photo, *QUICK, '--score-threshold', '0.9', '--overwrite') == 0
    assert len(HMRResult.load(tmp_path / 'out' / 'a.npz')) == 0
    assert '(1 without anybody)' in capsys.readouterr().out


def test_camera_options(run, write_photo, tmp_path: Path) -> None:
    photo = write_photo('a.jpg', (60, 80))
    angles = ('--vfov', '90', '--pitch', '10', '--roll', '-5')
    assert run(photo, *BOX, *QUICK, *angles) == 0
    result = HMRResult.load(tmp_path / 'out' / 'a.npz')
    assert float(result.focal_length[0]) == pytest.approx(30)
    assert np.rad2deg([result.pitch, result.roll]) == pytest.approx([10, -5], abs=1e-3)
    path = tmp_path / 'camera.json'
    path.write_text(json.dumps({'a.jpg': {'focal_length': 99}}))
    assert run(photo, *BOX, *QUICK, '--camera', path, '--overwrite') == 0
    assert float(HMRResult.load(tmp_path / 'out' / 'a.npz').focal_length[0]) == 99


def test_bad_box_is_a_failure_not_an_end(run, write_photo, tmp_path: Path, capsys) -> None:
    assert run(write_photo('a.jpg'), *BOX, '300,5,310,9', *QUICK) == 1
    assert len(HMRResult.load(tmp_path / 'out' / 'a.npz')) == 1
    assert 'outside the photo' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (('--detector', 'none'), 'no person boxes'),
        (('--checkpoint', 'gone.pth'), 'gone.pth'),
        (('--config', 'gone.py'), 'gone.py'),
        (('--camera', 'gone.json'), 'gone.json'),
        (('--pitch', '5'), 'pitch and roll'),
        (('--pitch', 'nan', '--roll', '0'), 'finite'),
        (('--out', 'PHOTO/inside'), 'PHOTO/inside'),
        (('--device', 'nowhere'), 'nowhere'),
        (('--every', '0'), 'every'),
        (('--batch-size', '0'), 'batch_size'),
    ],
)
def test_mistakes_end_with_two(
    tool, config_file, write_photo, tmp_path, capsys, args, message
) -> None:
    common = ['--config', str(config_file), '--device', 'cpu', '--no-progress']
    photo = str(write_photo('a.jpg'))
    boxes = [] if 'none' in args else list(BOX)
    args, message = [x.replace('PHOTO', photo) for x in args], message.replace('PHOTO', photo)
    assert tool.main([photo, '--out', str(tmp_path / 'o'), *common, *boxes, *args]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count('\n') == 1


def test_a_misspelt_config_is_one_line(tool, config_file, write_photo, tmp_path, capsys) -> None:
    config_file.write_text(config_file.read_text().replace('broken=', 'brocken='))
    common = ['--config', str(config_file), '--out', str(tmp_path / 'o'), '--no-progress']
    assert tool.main([str(write_photo('a.jpg')), *common, *BOX]) == 2
    error = capsys.readouterr().err
    assert "unexpected keyword argument 'brocken'" in error and error.count('\n') == 1


def test_without_a_network_the_offline_detector_is_named(
    run, write_photo, tmp_path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    assert run(write_photo('a.jpg'), '--detector', 'torchvision', *QUICK) == 1
    error = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
    assert len(error) == 1 and 'OnnxPersonDetector' in error[0]


def test_empty_folder_and_a_file_in_the_way(run, write_photo, tmp_path: Path, capsys) -> None:
    (tmp_path / 'empty').mkdir()
    assert run(tmp_path / 'empty') == 2
    assert 'holds no picture' in capsys.readouterr().err
    (tmp_path / 'file').write_text('x')
    assert run(write_photo('a.jpg'), *BOX, out=tmp_path / 'file') == 2
    (tmp_path / 'camera.json').write_text('{')
    assert run(write_photo('a.jpg'), '--camera', tmp_path / 'camera.json') == 2
    assert 'no JSON' in capsys.readouterr().err


@pytest.mark.parametrize('args', [['--boxes', '1,2,3'], ['--boxes', 'a,b,c,d'], []])
def test_arguments_are_checked(tool, args, capsys) -> None:
    with pytest.raises(SystemExit) as stopped:
        tool.main(['a.jpg', *args] + (['--out', 'o'] if args else []))
    assert stopped.value.code == 2


def test_help_shows_files_and_examples(tool, capsys) -> None:
    with pytest.raises(SystemExit):
        tool.main(['--help'])
    text = capsys.readouterr().out
    for word in ('NAME_overlay.png', 'exit code', 'demo/images', '--focal-length', '--boxes'):
        assert word in text


def test_other_forms_of_a_known_camera(run, write_photo, tmp_path: Path) -> None:
    photo = write_photo('a.jpg', (60, 80))
    lenses = {
        50.0: ('--intrinsics', '50,50,40,30'),
        focal_from_35mm(28, (60, 80)): ('--focal-length-35mm', '28'),
    }
    for focal, options in lenses.items():
        assert run(photo, *BOX, *QUICK, *options, '--gravity=0,9.81,0', '--overwrite') == 0
        result = HMRResult.load(tmp_path / 'out' / 'a.npz')
        assert float(result.focal_length[0]) == pytest.approx(focal)
        np.testing.assert_allclose(result.world2cam_rotmat, np.eye(3), atol=1e-6)


def test_other_settings_end_with_two(run, write_photo, tmp_path: Path, capsys) -> None:
    photo = write_photo('a.jpg')
    assert run(photo, *BOX, *QUICK) == 0
    assert run(photo, *BOX, *QUICK) == 0
    assert '1 images finished before' in capsys.readouterr().out
    assert run(photo, *BOX, '--no-pictures') == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'meshes: False there, True now' in error and '--overwrite' in error


def test_a_folder_that_cannot_be_written(run, write_photo, capsys, monkeypatch) -> None:
    def refuse(path, text):
        raise PermissionError(errno.EACCES, f'could not write {path}: Permission denied')

    monkeypatch.setattr('whmr.apis.run_folder.write_text', refuse)
    assert run(write_photo('a.jpg'), *BOX, *QUICK) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: --out ') and error.count('\n') == 1
    assert 'Permission denied' in error


def test_a_folder_that_cannot_be_read(run, tmp_path, capsys, monkeypatch) -> None:
    def refuse(folder):
        raise PermissionError(errno.EACCES, 'Permission denied', str(folder))

    monkeypatch.setattr('whmr.apis.image_source._inside', refuse)
    assert run(tmp_path, *BOX) == 2
    assert capsys.readouterr().err == f'error: {tmp_path}: Permission denied\n'


@pytest.mark.parametrize('arguments', [['infer.py', 'a.jpg', '--out', 'o'], ['serve.py']])
def test_the_bundled_weights_come_with_their_config(arguments, repo_root, monkeypatch) -> None:
    """By whatever path the config is named."""
    name, *options = arguments
    tool, given = load_tool(name), []

    def build(config, checkpoint, **settings):
        given.append(checkpoint)
        raise ConfigError('enough')

    monkeypatch.chdir(repo_root)
    monkeypatch.setattr('signal.signal', lambda *args: None)
    monkeypatch.setattr(tool, 'HMRInferencer', build)
    for stage in (3, 2):
        config = f'configs/whmr/whmr_lite_stage{stage}.py'
        assert tool.main([*options, '--config', config]) == 2
    assert given == [repo_root / 'checkpoints' / 'whmr_lite.safetensors', None]


def test_a_wrong_launcher_is_one_line(tool, capsys, monkeypatch) -> None:
    monkeypatch.setenv('RANK', '3')
    monkeypatch.setenv('WORLD_SIZE', '2')
    with pytest.raises(SystemExit) as stopped:
        tool.main(['a.jpg', '--out', 'o'])
    assert stopped.value.code == 2
    assert 'RANK, WORLD_SIZE: there is no process 3 of 2' in capsys.readouterr().err


@pytest.mark.parametrize('option', [['--pictures', 'overlay'], ['--on-ground'], ['--exif']])
def test_what_a_followed_video_has_no_use_for(run, video, option, capsys) -> None:
    assert run(video, '--track', *option) == 2
    assert f'{option[0]} is for photos' in capsys.readouterr().err


def test_shares_are_merged(run, merge_tool, write_photo, tmp_path, capsys, monkeypatch) -> None:
    """A bad photo does not end a share with an error: torchrun would end the others."""
    photos = [write_photo('a.jpg'), tmp_path / 'gone.jpg', write_photo('c.jpg')]
    for rank in ('0', '1'):
        for name, value in (('RANK', rank), ('WORLD_SIZE', '2'), ('LOCAL_RANK', rank)):
            monkeypatch.setenv(name, value)
        assert run(*photos, *BOX, *QUICK) == 0
    printed = capsys.readouterr().out
    assert 'process 0 of 2: 2 people in 2 images' in printed and 'gone.jpg: no such' in printed
    out = tmp_path / 'out'
    assert not (out / 'results.npz').exists()
    assert merge_tool.main([str(out)]) == 1
    assert '2 people in 2 images (0 without anybody), 1 failures' in capsys.readouterr().out
    assert ResultsTable.load(out / 'results.npz').num_frames == 2
    assert merge_tool.main([str(tmp_path)]) == 2
    assert 'settings.json' in capsys.readouterr().err
