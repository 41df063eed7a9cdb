"""The machinery of the converters: parts, going on after an interruption, counts, command line."""

import json
import multiprocessing
import os
import signal
import zipfile
from itertools import pairwise

import numpy as np
import pytest

from tests.tools.dataset_fixtures.scene import write_photo
from whmr.datasets import load_annotations
from whmr.datasets.conversion import (
    AnnotationWriter,
    Converter,
    Dropped,
    SourceError,
    convert_split,
    run_converter,
    summary_file,
)

SIZE = (64, 48)
UNITS = ('walk', 'run', 'jump', 'sit')
META = dict(dataset='mine', topology='smpl', joint_set='coco17')


class Toy(Converter):
    """Four units of three people; `stop_before` is where the process dies."""

    name = 'lsp'
    splits = ('train',)
    stop_before = None

    def __init__(self, source_root, out_dir, *, level=1.0):
        super().__init__(source_root, out_dir)
        self.level = level
        self.read = []

    def options(self):
        return dict(level=self.level)

    def meta(self, split):
        return dict(joint_set='coco17')

    def units(self, split):
        return UNITS

    def rows(self, split, unit):
        if unit == type(self).stop_before:
            raise KeyboardInterrupt
        self.read.append(unit)
        rng = np.random.default_rng(UNITS.index(unit))
        for i in range(3):
            row = dict(
                img_path=f'{unit}.jpg',
                bbox=[1, 2, 30 + i, 40],
                keypoints_2d=rng.uniform(0, 40, (17, 2)),
                keypoints_2d_conf=np.full(17, self.level),
            )
            if unit == 'jump':  # a label that only one unit has
                row |= dict(keypoints_3d=rng.normal(size=(17, 3)), gender='female')
            yield row
        yield Dropped('too small', f'{unit} 3')


@pytest.fixture
def source(tmp_path):
    for unit in UNITS:
        write_photo(tmp_path / 'source' / f'{unit}.jpg', SIZE)
    return tmp_path / 'source'


@pytest.fixture(autouse=True)
def no_stop(monkeypatch):
    monkeypatch.setattr(Toy, 'stop_before', None)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file() and 'images' not in path.parts
    }


def test_columns_of_different_rows_are_joined(source, tmp_path):
    summary = convert_split(Toy(source, tmp_path / 'out'), 'train')
    columns, meta = load_annotations(tmp_path / 'out' / 'lsp_train.npz')
    assert columns['img_path'].tolist() == [f'{unit}.jpg' for unit in UNITS for _ in range(3)]
    assert (columns['ori_shape'] == SIZE[::-1]).all()
    jump = columns['img_path'] == 'jump.jpg'
    np.testing.assert_array_equal(columns['has_keypoints_3d'], jump)
    assert (columns['keypoints_3d_conf'][jump] == 1).all()
    assert (
        not columns['keypoints_3d'][~jump].any() and not columns['keypoints_3d_conf'][~jump].any()
    )
    assert set(columns['gender'][jump]) == {'female'} and set(columns['gender'][~jump]) == {
        'neutral'
    }
    assert meta['converter'] == 'Toy' and meta['converter_args'] == dict(level=1.0)
    assert summary.people == 12 and summary.images == 4
    assert summary.labels == {
        'keypoints_2d': 12, 'keypoints_3d': 3, 'gender female': 3, 'gender neutral': 9,
    }  # fmt: skip
    (dropped,) = summary.dropped
    assert (dropped.what, dropped.reason, dropped.count) == ('person', 'too small', 4)
    assert dropped.examples == ['walk 3', 'run 3', 'jump 3']
    stored = json.loads(summary_file(tmp_path / 'out' / 'lsp_train.npz').read_text())
    assert stored['people'] == 12 and stored['dropped'][0]['count'] == 4


@pytest.mark.parametrize('stop', UNITS)
def test_interrupted_and_started_again_gives_the_same_bytes(source, tmp_path, monkeypatch, stop):
    whole, broken = tmp_path / 'whole', tmp_path / 'broken'
    convert_split(Toy(source, whole), 'train')
    monkeypatch.setattr(Toy, 'stop_before', stop)
    with pytest.raises(KeyboardInterrupt):
        convert_split(Toy(source, broken), 'train')
    assert not (broken / 'lsp_train.npz').exists()
    monkeypatch.setattr(Toy, 'stop_before', None)
    again = Toy(source, broken)
    convert_split(again, 'train')
    assert again.read == list(UNITS[UNITS.index(stop) :])  # what is done is not done again
    assert files(whole) == files(broken)
    assert list(files(whole)) == ['lsp_train.npz', 'lsp_train.summary.json']
    with zipfile.ZipFile(whole / 'lsp_train.npz') as archive:  # nothing in it tells the time
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def kill_within_a_unit(source, out_dir):
    """Convert, and die without any clean-up after the first row of the third unit."""

    class Dying(Toy):
        def rows(self, split, unit):
            for row in super().rows(split, unit):
                yield row
                if unit == 'jump':
                    os.kill(os.getpid(), signal.SIGKILL)

    Dying.__name__ = 'Toy'
    convert_split(Dying(source, out_dir), 'train')


def test_killed_and_started_again_gives_the_same_bytes(source, tmp_path):
    convert_split(Toy(source, tmp_path / 'whole'), 'train')
    arguments = (source, tmp_path / 'killed')
    process = multiprocessing.get_context('fork').Process(target=kill_within_a_unit, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    again = Toy(*arguments)
    convert_split(again, 'train')
    assert again.read == ['jump', 'sit']
    assert files(tmp_path / 'whole') == files(tmp_path / 'killed')


def test_an_interrupted_overwriting_run_can_go_on(source, tmp_path, monkeypatch):
    convert_split(Toy(source, tmp_path / 'out'), 'train')
    before = files(tmp_path / 'out')
    monkeypatch.setattr(Toy, 'stop_before', 'jump')
    with pytest.raises(KeyboardInterrupt):
        convert_split(Toy(source, tmp_path / 'out'), 'train', overwrite=True)
    monkeypatch.setattr(Toy, 'stop_before', None)
    again = Toy(source, tmp_path / 'out')
    convert_split(again, 'train')
    assert again.read == ['jump', 'sit'] and files(tmp_path / 'out') == before


def test_a_part_that_is_cut_off_is_made_again(source, tmp_path, monkeypatch):
    convert_split(Toy(source, tmp_path / 'whole'), 'train')
    monkeypatch.setattr(Toy, 'stop_before', 'sit')
    with pytest.raises(KeyboardInterrupt):
        convert_split(Toy(source, tmp_path / 'broken'), 'train')
    part = tmp_path / 'broken' / 'lsp_train.parts' / '000001.npz'
    part.write_bytes(part.read_bytes()[:-40])
    monkeypatch.setattr(Toy, 'stop_before', None)
    again = Toy(source, tmp_path / 'broken')
    convert_split(again, 'train')
    assert again.read == ['run', 'sit']
    assert files(tmp_path / 'whole') == files(tmp_path / 'broken')


def test_parts_of_other_settings_are_refused(source, tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, 'stop_before', 'jump')
    with pytest.raises(KeyboardInterrupt):
        convert_split(Toy(source, tmp_path / 'out'), 'train')
    monkeypatch.setattr(Toy, 'stop_before', None)
    with pytest.raises(ValueError, match=r'lsp_train\.parts: holds the parts of a run with other'):
        convert_split(Toy(source, tmp_path / 'out', level=0.5), 'train')
    other = Toy(source, tmp_path / 'out', level=0.5)
    convert_split(other, 'train', overwrite=True)
    assert other.read == list(UNITS)


def test_a_finished_file_is_left_alone(source, tmp_path):
    first = convert_split(Toy(source, tmp_path / 'out'), 'train')
    again = Toy(source, tmp_path / 'out')
    assert convert_split(again, 'train') == first
    assert again.read == []
    with pytest.raises(ValueError, match='made with other settings'):
        convert_split(Toy(source, tmp_path / 'out', level=0.5), 'train')
    convert_split(again, 'train', overwrite=True)
    assert again.read == list(UNITS)


def test_limit(source, tmp_path):
    toy = Toy(source, tmp_path / 'out')
    summary = convert_split(toy, 'train', limit=4)
    assert summary.people == 4 and toy.read == ['walk', 'run']
    with pytest.raises(ValueError, match='other settings'):  # it is not the whole set
        convert_split(Toy(source, tmp_path / 'out'), 'train')


def test_a_unit_that_cannot_be_read_is_counted(source, tmp_path, monkeypatch):
    def rows(self, split, unit):
        yield dict(img_path=f'{unit}.jpg', bbox=[1, 2, 3, 4])
        if unit == 'run':
            raise SourceError('run.pkl: is cut off')

    monkeypatch.setattr(Toy, 'rows', rows)
    summary = convert_split(Toy(source, tmp_path / 'out'), 'train')
    assert summary.people == 4 and not summary.source_is_whole
    assert summary.dropped[0].examples == ['run: run.pkl: is cut off']


def test_mistakes_in_a_converter_are_not_swallowed(source, tmp_path, monkeypatch):
    def rows(self, split, unit):
        yield dict(img_path=f'{unit}.jpg', bbox=[1, 2, 3, 4], has_smpl=True)

    monkeypatch.setattr(Toy, 'rows', rows)
    with pytest.raises(KeyError, match='has_smpl'):
        convert_split(Toy(source, tmp_path / 'out'), 'train')


def test_nobody_left_is_one_clear_error(source, tmp_path):
    for unit in UNITS:
        (source / f'{unit}.jpg').unlink()
    with pytest.raises(SourceError, match=r'nobody is left; 12 x person: the photo is missing'):
        convert_split(Toy(source, tmp_path / 'out'), 'train')
    assert files(tmp_path / 'out') == {}


def test_photos_are_linked(source, tmp_path):
    convert_split(Toy(source, tmp_path / 'out'), 'train')
    assert (tmp_path / 'out' / 'images').resolve() == source.resolve()
    other = tmp_path / 'other'
    write_photo(other / 'walk.jpg', SIZE)
    with pytest.raises(SourceError, match='leads to'):
        convert_split(Toy(other, tmp_path / 'out'), 'train', overwrite=True)


def row(**changes):
    base = dict(
        img_path='a.jpg', ori_shape=(48, 64), bbox=[1, 2, 30, 40],
        keypoints_2d=np.ones((17, 2)), keypoints_2d_conf=np.ones(17),
    )  # fmt: skip
    return base | changes


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(keypoints_2d=np.full((17, 2), np.nan)), 'keypoints_2d holds NaN'),
        (dict(bbox=[100, 2, 130, 40]), 'bbox lies outside the photo'),
        (dict(bbox=[30, 2, 10, 40]), 'bbox has no area'),
        (dict(keypoints_2d_conf=np.zeros(17)), 'no joint is labelled'),
        (dict(gender='m'), 'gender must be one of'),
        (dict(world2cam_rotmat=np.ones((3, 3))), 'world2cam_rotmat is no rotation'),
    ],
)
def test_bad_rows_are_left_out_and_counted(tmp_path, changes, reason):
    writer = AnnotationWriter(tmp_path / 'a.npz', META, units=['u'])
    assert writer.write_part('u', [row(), row(**changes), row()]) == 2
    summary = writer.finish()
    assert summary.people == 2
    (dropped,) = summary.dropped
    assert dropped.count == 1 and dropped.reason.startswith(reason)


def test_pelvis_is_kept_only_where_it_is_complete(tmp_path):
    place, pelvis = dict(cam_t=[0.0, 0, 4]), dict(pelvis=[0.0, -0.2, 0.03])
    for name, rows, kept in (
        ('all', [row(**place, **pelvis), row()], True),
        ('some', [row(**place, **pelvis), row(**place)], False),
    ):
        writer = AnnotationWriter(tmp_path / f'{name}.npz', META, units=['u'])
        writer.write_part('u', rows)
        summary = writer.finish()
        assert ('pelvis' in load_annotations(tmp_path / f'{name}.npz')[0]) is kept
        assert [entry.what for entry in summary.dropped] == ([] if kept else ['label'])


def test_labels_of_a_wrong_shape_are_counted(tmp_path):
    writer = AnnotationWriter(tmp_path / 'a.npz', META, units=['u'])
    pose = dict(global_orient=np.zeros(3), body_pose=np.zeros(69))
    writer.write_part('u', [row(), row(betas=np.zeros(300), **pose), row(bbox=[1, 2])])
    summary = writer.finish()
    assert summary.people == 1
    assert [(entry.reason, entry.examples) for entry in summary.dropped] == [
        ('betas has shape (300,), must be (10,)', ['a.jpg']),
        ('bbox has shape (2,), must be (4,)', ['a.jpg']),
    ]


def test_a_unit_that_is_not_done_is_told(tmp_path):
    writer = AnnotationWriter(tmp_path / 'a.npz', META, units=['u', 'v'])
    writer.write_part('u', [row()])
    with pytest.raises(ValueError, match="the unit 'v' is not done"):
        writer.finish()
    with pytest.raises(ValueError, match='two units have the same name'):
        AnnotationWriter(tmp_path / 'b.npz', META, units=['u', 'u'])


def test_command_line(source, tmp_path, monkeypatch, capfd):
    arguments = [str(source), str(tmp_path / 'out'), '--quiet']
    monkeypatch.setattr(Toy, 'stop_before', 'jump')
    assert run_converter(Toy, arguments) == 130
    monkeypatch.setattr(Toy, 'stop_before', None)
    assert run_converter(Toy, arguments) == 0
    (source / 'walk.jpg').unlink()
    assert run_converter(Toy, [*arguments, '--overwrite']) == 3
    assert run_converter(Toy, [*arguments, '--limit', '2']) == 1
    assert run_converter(Toy, [str(tmp_path / 'nowhere'), str(tmp_path / 'out')]) == 1
    for wrong in (['--limit', '0'], ['--splits', 'test']):
        with pytest.raises(SystemExit) as stop:
            run_converter(Toy, [*arguments, *wrong])
        assert stop.value.code == 2
    output = ''.join(capfd.readouterr())
    for text in (
        'the same command (without --overwrite) goes on',
        'with keypoints_3d',
        'the photo is missing',
        'made with other settings',
        'no such folder',
    ):
        assert text in output


def test_progress_is_shown(source, tmp_path, capfd):
    assert run_converter(Toy, [str(source), str(tmp_path / 'out')]) == 0
    assert '4/4' in capfd.readouterr().err


def test_shards_cover_everything_once():
    from whmr.datasets.conversion import shard_names, shard_range

    names = shard_names(4500, 2000)
    covered = [i for name in names for i in shard_range(name)]
    assert covered == list(range(4500)) and len(names) == 3
    assert all(a < b for a, b in pairwise(names))  # sorted by name, too
    assert shard_names(0) == []
