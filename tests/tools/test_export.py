import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from whmr.apis import HMRResult, gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results
from whmr.visualization.export import ResultsTable


@pytest.fixture(scope='module')
def tool(repo_root: Path):
    spec = importlib.util.spec_from_file_location('export_tool', repo_root / 'tools' / 'export.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as tools/infer.py writes it for a clip."""
    folder = tmp_path_factory.mktemp('results') / 'clip'
    folder.mkdir()
    for number, result in enumerate(clip_results(3, 2, absent=(1, 1), steady_betas=False)):
        (folder / f'clip_{number:06d}.npz').write_bytes(result.to_bytes())
    return folder


@pytest.fixture
def run(tool, tmp_path: Path) -> Callable[..., int]:
    return lambda *args: tool.main([*map(str, args), '--out', str(tmp_path / 'out')])


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_clip_as_everything(run, clip: Path, tmp_path: Path, capsys) -> None:
    assert run(clip, '--to', 'npz', 'glb', 'bvh', 'obj', 'ply', '--fps', 12) == 0
    rows = ['000000_track0', '000000_track1', '000001_track0', '000002_track0', '000002_track1']
    assert names(tmp_path / 'out') == {
        'clip.export.json',
        'clip.npz',
        'clip_world.glb',
        'clip_track0_world.bvh',
        'clip_track1_world.bvh',
        *(f'clip_{row}_world.{kind}' for row in rows for kind in ('obj', 'ply')),
    }
    said = capsys.readouterr().out
    assert '2 people, world space, 12 frames per second: 14 files written, 0 were there' in said
    assert 'at most (no pose correctives); joints ' in said
    assert ResultsTable.load(tmp_path / 'out' / 'clip.npz').fps == 12


def test_meshes_are_the_photos_own(run, clip: Path, tmp_path: Path) -> None:
    """Not those of the parameters: a model may regress vertices freely."""
    photo = HMRResult.load(clip / 'clip_000000.npz')
    photo.vertices[1, 0] += 1
    (tmp_path / 'free.npz').write_bytes(photo.to_bytes())
    assert run(tmp_path / 'free.npz', '--to', 'obj', '--frame', 'camera') == 0
    text = (tmp_path / 'out' / 'free_person1_camera.obj').read_text()
    first = next(line for line in text.splitlines() if line.startswith('v '))
    wanted = (photo.vertices[1, 0] + photo.cam_t[1]) * [1, -1, -1]
    np.testing.assert_allclose(np.array(first.split()[1:], float), wanted, atol=1e-4)


def test_results_table_as_input(run, clip: Path, tmp_path: Path) -> None:
    assert run(clip, '--to', 'npz', 'glb', '--fps', 12) == 0
    first = (tmp_path / 'out' / 'clip_world.glb').read_bytes()
    assert run(tmp_path / 'out' / 'clip.npz', '--to', 'glb', '--name', 'again') == 0
    assert (tmp_path / 'out' / 'again_world.glb').read_bytes() == first


def test_frames_per_second_of_the_run(run, clip: Path, tmp_path: Path, capsys) -> None:
    """The table that inference has made of a folder says how fast its video is."""
    photos = [HMRResult.load(path) for path in sorted(clip.glob('*.npz'))]
    folder = tmp_path / 'walk'
    folder.mkdir()
    for number, photo in enumerate(photos):
        (folder / f'{number}.npz').write_bytes(photo.to_bytes())
    table = gather_results(photos, FreeBody(), fps=12.5)
    (folder / 'results.npz').write_bytes(table.to_bytes())
    for results in (folder, folder / 'results.npz'):
        assert run(results, '--to', 'bvh', '--overwrite') == 0
        assert 'walk: 2 people, world space, 12.5 frames per second' in capsys.readouterr().out


def test_a_folder_of_a_followed_video_has_its_table_alone(run, clip: Path, tmp_path: Path) -> None:
    photos = [HMRResult.load(path) for path in sorted(clip.glob('*.npz'))]
    folder = tmp_path / 'video'
    folder.mkdir()
    (folder / 'results.npz').write_bytes(gather_results(photos, FreeBody(), fps=25).to_bytes())
    assert run(folder, '--to', 'glb') == 0
    [written] = (tmp_path / 'out').glob('*.glb')
    assert run(folder / 'results.npz', '--to', 'glb', '--name', 'named') == 0
    [named] = (tmp_path / 'out').glob('named*.glb')
    assert written.read_bytes() == named.read_bytes()


def test_going_on_after_an_interruption(run, clip: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / 'out'
    assert run(clip, '--to', 'bvh', '--fps', 12) == 0
    (out / 'clip_track1_world.bvh').unlink()
    before = (out / 'clip_track0_world.bvh').stat().st_mtime_ns
    assert run(clip, '--to', 'bvh', '--fps', 12) == 0
    assert '1 files written, 1 were there already' in capsys.readouterr().out
    assert (out / 'clip_track0_world.bvh').stat().st_mtime_ns == before
    assert run(clip, '--to', 'bvh', '--fps', 24) == 0  # other options: all of it again
    assert '2 files written, 0 were there already' in capsys.readouterr().out
    assert 'Frame Time: 0.04166667' in (out / 'clip_track0_world.bvh').read_text()
    for options in ((12, '--overwrite'), (24,)):  # what was written by force is not taken for it
        assert run(clip, '--to', 'bvh', '--fps', *options) == 0
        assert '2 files written, 0 were there already' in capsys.readouterr().out


def test_bad_files_are_listed_and_the_others_done(run, clip: Path, tmp_path: Path, capsys) -> None:
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number, name in enumerate(('a', 'c')):
        data = (clip / f'clip_{number:06d}.npz').read_bytes()
        (folder / f'{name}.npz').write_bytes(data)
    (folder / 'b.npz').write_bytes(b'nothing')
    for extra in ((), ('--separate',)):
        assert run(folder, '--to', 'glb', *extra) == 1
        said = capsys.readouterr().out
        assert 'not exported: ' in said and 'b.npz: no readable .npz' in said
    assert names(tmp_path / 'out') >= {'photos_world.glb', 'a_world.glb', 'c_world.glb'}


@pytest.mark.parametrize(
    ('args', 'message'),
    [
        (['--to', 'glb', '--fps', '0'], 'fps=0.0: must be above 0'),
        (['--to', 'glb', '--fps', 'nan'], 'fps=nan'),
        (['--to', 'glb', '--separate', '--name', 'x'], '--name names one export'),
    ],
)
def test_wrong_options(run, clip: Path, args: list[str], message: str, capsys) -> None:
    assert run(clip, *args) == 2
    assert message in capsys.readouterr().err


def test_wrong_input(run, tmp_path: Path, clip: Path, capsys) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'a.npz').write_bytes(b'nothing')
    for path, message in (
        (tmp_path / 'gone', 'there is no such file or folder'),
        (tmp_path / 'empty', 'no .npz file of a photo in this folder'),
        (tmp_path / 'a.npz', 'none of the 1 files is a result'),
    ):
        assert run(path, '--to', 'glb') == 2
        error = capsys.readouterr().err
        assert message in error and len(error.splitlines()) == 1
    with pytest.raises(SystemExit) as stop:
        run(clip, '--to', 'fbx')
    assert stop.value.code == 2


def test_photos_of_different_sizes(run, tmp_path: Path, clip: Path, capsys) -> None:
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number, name in enumerate(('a', 'b')):
        photo = HMRResult.load(clip / f'clip_{number:06d}.npz')
        photo.image_shape[:] += number
        (folder / f'{name}.npz').write_bytes(photo.to_bytes())
    assert run(folder, '--to', 'glb') == 2
    assert 'not frames of one shot (--separate exports each by itself)' in capsys.readouterr().err
    assert run(folder, '--to', 'glb', '--separate') == 0


def test_nobody_is_no_failure(run, tmp_path: Path, clip: Path, capsys) -> None:
    photo = HMRResult.load(clip / 'clip_000000.npz')
    for name, value in vars(photo).items():
        if np.ndim(value) and len(value) == 2 and name != 'image_shape':
            object.__setattr__(photo, name, value[:0])
    (tmp_path / 'a.npz').write_bytes(photo.to_bytes())
    assert run(tmp_path / 'a.npz', '--to', 'npz', 'glb', 'bvh', 'obj') == 0
    assert 'a: 0 people, camera space' in capsys.readouterr().out
    assert names(tmp_path / 'out') == {'a.npz', 'a.export.json'}


def test_results_of_smpl_want_its_files(run, tmp_path: Path, clip: Path, capsys) -> None:
    photo = HMRResult.load(clip / 'clip_000000.npz')
    object.__setattr__(photo, 'topology', 'smpl')
    (tmp_path / 'a.npz').write_bytes(photo.to_bytes())
    assert run(tmp_path / 'a.npz', '--to', 'glb', '--smpl-folder', tmp_path / 'gone') == 2
    assert 'SMPL_NEUTRAL.npz is missing' in capsys.readouterr().err


def test_folder_that_cannot_be_written(run, tmp_path: Path, clip: Path, capsys) -> None:
    (tmp_path / 'out').write_text('a file in the way')
    assert run(clip, '--to', 'bvh') == 1
    assert 'could not write' in capsys.readouterr().err
    assert names(tmp_path) == {'out'}
