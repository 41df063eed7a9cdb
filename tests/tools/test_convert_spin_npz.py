"""Label files of SPIN's kind."""

from pathlib import Path

import numpy as np
import pytest

from tests.tools.dataset_fixtures import spin_npz
from tests.tools.dataset_fixtures.loading import load_converter
from tests.tools.dataset_fixtures.truth import make_people, to_rotmat
from whmr.datasets import load_annotations
from whmr.datasets.conversion import SourceError, convert_split, run_converter


@pytest.fixture(scope='module')
def tool():
    return load_converter('spin_npz')


def convert(tool, folder: Path, labels: Path, **options):
    source = tool.SpinNpz(folder, folder / 'out', labels=labels, dataset='h36m', **options)
    summary = convert_split(source, 'train', check=True)
    return *load_annotations(source.output('train')), summary


def test_numbers(tool, tmp_path):
    people = make_people(3, roll=0.2)
    columns, meta, summary = convert(tool, tmp_path, spin_npz.write(tmp_path, people))
    points, joints = people.spin49
    np.testing.assert_allclose(columns['keypoints_2d'], points, atol=1e-3)
    np.testing.assert_allclose(columns['keypoints_2d_conf'][:, :25], 0.5)
    np.testing.assert_allclose(columns['keypoints_2d_conf'][:, 25:], 1)
    pelvis = joints[:, [25 + 14]]
    np.testing.assert_allclose(columns['keypoints_3d'], joints[:, 25:] - pelvis, atol=1e-5)
    np.testing.assert_allclose(columns['global_orient'], people.global_orient, atol=1e-5)
    np.testing.assert_allclose(columns['body_pose'], people.body_pose, atol=1e-6)
    np.testing.assert_allclose(columns['betas'], people.betas, atol=1e-6)
    np.testing.assert_allclose(columns['intrinsics'][1], people.intrinsics)
    for matrix in columns['world2cam_rotmat']:
        np.testing.assert_allclose(matrix, people.world2cam, atol=1e-5)
    np.testing.assert_allclose(
        to_rotmat(columns['global_orient_world']), to_rotmat(people.orient_world), atol=1e-5
    )
    assert columns['gender'].tolist() == ['male', 'female', 'neutral']
    assert meta['joint_set_3d'] == 'spin24' and meta['topology'] == 'smpl'
    boxes = people.boxes
    middle = (columns['bbox'][:, :2] + columns['bbox'][:, 2:]) / 2
    np.testing.assert_allclose(middle, (boxes[:, :2] + boxes[:, 2:]) / 2, atol=1e-3)
    side = columns['bbox'][:, 2] - columns['bbox'][:, 0]
    np.testing.assert_allclose(side, (boxes[:, 2:] - boxes[:, :2]).max(1), atol=1e-3)
    assert summary.dropped == [] and summary.people == 3


def test_camera_rotation_gives_the_world(tool, tmp_path):
    people = make_people(2, pitch=-0.3, roll=-0.1, yaw=2.0)
    labels = spin_npz.write(tmp_path, people, world=False)
    content = dict(np.load(labels))
    np.savez(labels, cam_rotmat=np.tile(people.rotmat, (2, 1, 1)), **content)
    columns, _, _ = convert(tool, tmp_path, labels)
    np.testing.assert_allclose(columns['world2cam_rotmat'][0], people.world2cam, atol=1e-5)
    up = to_rotmat(columns['global_orient_world'])[:, :, 1]
    assert (up @ [0, -1, 0] > 0.9).all()


def test_another_axis_up_is_found_out(tool, tmp_path):
    labels = spin_npz.write(tmp_path, make_people(2))
    with pytest.raises(SourceError, match='say --up-axis=-y'):
        convert(tool, tmp_path, labels, up_axis='z')


def test_one_unreadable_person_does_not_end_the_others(tool, tmp_path):
    labels = spin_npz.write(tmp_path, make_people(3), world=False)
    content = dict(np.load(labels))
    content['gender'] = np.array(['m', '?', 'f'])
    np.savez(labels, **content)
    columns, _, summary = convert(tool, tmp_path, labels)
    assert columns['gender'].tolist() == ['male', 'female']
    assert summary.dropped[0].examples == ["unknown gender '?'; expected male, female or neutral"]


def test_flags_and_bad_rows(tool, tmp_path):
    people = make_people(6)
    labels = spin_npz.write(tmp_path, people, world=False)
    content = dict(np.load(labels))
    content['has_smpl'][0] = 0
    content['part'][0, 3] = np.nan
    content['pose'][1, 5] = np.nan
    content['center'][2] = -5000
    content['part'][3, :, 2] = content['openpose'][3, :, 2] = content['S'][3, :, 3] = 0
    content['has_smpl'][3] = 0
    np.savez(labels, **content)
    (tmp_path / 'images' / '004.png').unlink()
    (tmp_path / 'images' / '005.png').write_bytes(b'\x89PNG cut')
    columns, _, summary = convert(tool, tmp_path, labels)
    assert columns['img_path'].tolist() == ['images/000.png']
    assert not columns['has_smpl'][0] and columns['keypoints_2d_conf'][0, 28] == 0
    reasons = {
        (row.what, row.reason.split(';')[0].split(',')[0]): row.count for row in summary.dropped
    }
    assert reasons[('image', 'the photo is missing')] == 1
    assert reasons[('image', 'the photo cannot be used')] == 1
    assert reasons[('person', 'no joint is labelled')] == 1
    assert sum(count for (what, _), count in reasons.items() if what == 'person') == 5
    assert not summary.source_is_whole


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda c: c.pop('scale'), "has no array 'scale'"),
        (lambda c: c.update(part=c['part'][:1]), "array 'part' has 1 row"),
        (lambda c: c.update(pose=np.zeros((2, 165))), 'take the SMPL version'),
    ],
)
def test_wrong_files(tool, tmp_path, change, message):
    labels = spin_npz.write(tmp_path, make_people(2), world=False)
    content = dict(np.load(labels))
    change(content)
    np.savez(labels, **content)
    with pytest.raises(SourceError, match=message):
        convert(tool, tmp_path, labels)


def test_interrupted_run_gives_the_same_bytes(tool, tmp_path, monkeypatch):
    labels = spin_npz.write(tmp_path, make_people(5))

    def run(name: str, fail_at: str | None) -> bytes:
        source = tool.SpinNpz(tmp_path, tmp_path / name, labels=labels, dataset='h36m')
        monkeypatch.setattr(source, 'units', lambda split: ['0-2', '2-4', '4-5'])
        read = type(source).rows

        def rows(split, unit):
            if unit == fail_at:
                raise KeyboardInterrupt
            return read(source, split, unit)

        if fail_at:
            monkeypatch.setattr(source, 'rows', rows)
            with pytest.raises(KeyboardInterrupt):
                convert_split(source, 'train')
            assert not source.output('train').exists()
            monkeypatch.setattr(source, 'rows', lambda split, unit: read(source, split, unit))
        convert_split(source, 'train')
        return source.output('train').read_bytes()

    assert run('whole', None) == run('broken', '2-4')


def test_command_line(tool, tmp_path, monkeypatch):
    labels = spin_npz.write(tmp_path, make_people(2))
    monkeypatch.chdir(tmp_path.parent)
    argv = [str(tmp_path), str(tmp_path / 'out'), '--labels', str(labels), '--dataset', 'mpii']
    assert run_converter(tool.SpinNpz, [*argv, '--variant', 'spin', '--quiet']) == 0
    assert (tmp_path / 'out' / 'mpii_spin_train.npz').is_file()
    assert run_converter(tool.SpinNpz, [*argv, '--splits', 'train', 'test']) == 1
    assert run_converter(tool.SpinNpz, [*argv[:3], 'no.npz', '--quiet']) == 1
    assert run_converter(tool.SpinNpz, [*argv[:3], labels.name, '--splits', 'test']) == 0
    assert (tmp_path / 'out' / 'h36m_test.npz').is_file()
