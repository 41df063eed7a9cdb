import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from whmr.apis import HMRResult, Share, merge_runs
from whmr.apis.digest import digest
from whmr.apis.run_folder import RunFolder
from whmr.apis.run_items import RunItem, read_items
from whmr.visualization.export import ResultsTable

BOX = np.array([[10, 5, 30, 55]], dtype=np.float32)


@pytest.fixture
def photos(write_photo) -> list[Path]:
    """Five photos, the last two of another size."""
    shapes = [(60, 80)] * 3 + [(80, 60)] * 2
    return [write_photo(f'{name}.jpg', shape) for name, shape in zip('abcde', shapes)]


@pytest.fixture
def run(make_inferencer):
    """Estimates one given person per photo, and draws nothing."""

    inferencer = make_inferencer(image_batch_size=1)

    def call(photos, out: Path, **options):
        common = {'boxes': BOX, 'pictures': False, 'meshes': False, 'progress': False}
        return inferencer(photos, out_dir=out, **{**common, **options})

    return call


def same_tables(one: Path, other: Path) -> None:
    tables = [ResultsTable.load(path / 'results.npz') for path in (one, other)]
    for field in fields(ResultsTable):
        np.testing.assert_array_equal(*(getattr(table, field.name) for table in tables))


def stop_at(monkeypatch: pytest.MonkeyPatch, stem: str) -> None:
    """End the program when the files of a photo are written and its journal line is not."""

    def record(self: RunFolder, item: RunItem) -> None:
        if item.stem == stem:
            raise KeyboardInterrupt
        original(self, item)

    original = RunFolder.record
    monkeypatch.setattr(RunFolder, 'record', record)


def test_a_run_goes_on_and_ends_the_same(run, photos, tmp_path, monkeypatch) -> None:
    run(photos, tmp_path / 'whole')
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_at(patch, 'c')
        run(photos, tmp_path / 'out')
    journal = tmp_path / 'out' / 'run' / 'items.00000-of-00001.jsonl'
    with journal.open('a') as file:
        file.write('{"name": "cut o')  # killed while it wrote
    before = {stem: (tmp_path / 'out' / f'{stem}.npz').stat().st_mtime_ns for stem in 'abc'}
    report = run(photos, tmp_path / 'out')
    assert (report.num_kept, report.num_images, report.num_people) == (2, 3, 3)
    after = {stem: (tmp_path / 'out' / f'{stem}.npz').stat().st_mtime_ns for stem in 'abc'}
    assert [before[stem] == after[stem] for stem in 'abc'] == [True, True, False]
    same_tables(tmp_path / 'whole', tmp_path / 'out')
    assert run(photos, tmp_path / 'out').num_kept == 5


def test_what_has_changed_is_done_again(run, photos, tmp_path) -> None:
    out = tmp_path / 'out'
    camera = {'b': {'focal_length': 70}}
    run(photos, out, camera=camera)
    (out / 'a.npz').unlink()  # lost
    photos[2].write_bytes(photos[2].read_bytes())  # another file
    camera |= {'e': {'focal_length': 90}}  # more is known of it
    report = run(photos, out, camera=camera)
    assert report.num_kept == 2
    focal = {stem: float(HMRResult.load(out / f'{stem}.npz').focal_length[0]) for stem in 'be'}
    assert focal == {'b': 70, 'e': 90}


def test_other_settings_are_noticed(run, make_inferencer, photos, tmp_path) -> None:
    out = tmp_path / 'out'
    run(photos, out, camera={'focal_length': 70})
    with pytest.raises(
        ValueError, match=r'other settings \(camera: .*70.* there, .*75.* now\).*--over'
    ):
        run(photos, out, camera={'focal_length': 75})
    assert float(HMRResult.load(out / 'a.npz').focal_length[0]) == 70
    report = run(photos[:2], out, camera={'focal_length': 75}, overwrite=True)
    assert (report.num_kept, report.num_images) == (0, 2)
    table = ResultsTable.load(out / 'results.npz')  # without those that have the old settings
    assert table.num_frames == 2 and (table.focal_length == 75).all()


def test_other_weights_are_other_settings(make_inferencer) -> None:
    one, other = make_inferencer(), make_inferencer()
    assert one.fingerprint() == other.fingerprint()
    with torch.no_grad():
        other.estimator.weight += 1e-6
    assert one.fingerprint()['weights'] != other.fingerprint()['weights']


def test_failures_are_tried_again(run, photos, tmp_path) -> None:
    content = photos[1].read_bytes()
    photos[1].write_bytes(content[:100])
    out = tmp_path / 'out'
    report = run(photos, out)
    assert len(report.failures) == 1 and report.num_images == 4
    listed = json.loads((out / 'report.json').read_text())
    assert listed['num_images'] == 4 and listed['failures'][0]['name'] == str(photos[1])
    photos[1].write_bytes(content)
    report = run(photos, out)
    assert not report.failures and (report.num_kept, report.num_images) == (4, 1)
    listed = json.loads((out / 'report.json').read_text())
    assert listed['num_images'] == 5 and listed['failures'] == []


def test_problems_of_finished_photos_stay_listed(run, photos, tmp_path) -> None:
    boxes = np.concatenate([BOX, [[500, 0, 600, 9]]])
    for kept in (0, 5):
        report = run(photos, tmp_path / 'out', boxes=boxes)
        assert report.num_kept == kept
        assert [failure.name for failure in report.failures] == [str(photo) for photo in photos]


@pytest.mark.parametrize('processes', [2, 4])
def test_shares_together_are_the_whole(run, photos, video, tmp_path, processes) -> None:
    inputs = [*photos, video]
    run(inputs, tmp_path / 'whole')
    counts = []
    for rank in range(processes):
        report = run(inputs, tmp_path / 'out', share=Share(rank, processes))
        counts.append(report.num_images)
    assert sum(counts) == 15 and max(counts) - min(counts) <= 1
    assert not (tmp_path / 'out' / 'results.npz').exists()
    merged = merge_runs([tmp_path / 'out'])
    assert (merged.num_images, merged.num_people, len(merged.failures)) == (15, 15, 0)
    same_tables(tmp_path / 'whole', tmp_path / 'out')
    # Fewer processes go on where more of them were interrupted.
    assert run(inputs, tmp_path / 'out').num_kept == 15


def test_folders_of_several_machines(run, photos, tmp_path) -> None:
    run(photos, tmp_path / 'whole')
    folders = [tmp_path / name for name in ('one', 'two')]
    for rank, folder in enumerate(folders):
        run(photos, folder, share=Share(rank, 2))
    merge_runs(folders, tmp_path / 'out')
    same_tables(tmp_path / 'whole', tmp_path / 'out')
    run(photos, tmp_path / 'other', camera={'focal_length': 70})
    with pytest.raises(ValueError, match='different settings cannot be merged'):
        merge_runs([folders[0], tmp_path / 'other'])
    with pytest.raises(FileNotFoundError, match=r'settings\.json'):
        merge_runs([tmp_path])


def test_photos_of_one_name_in_several_folders_are_all_kept(run, photos, tmp_path) -> None:
    other = tmp_path / 'elsewhere' / photos[0].name
    other.parent.mkdir()
    other.write_bytes(photos[1].read_bytes())
    run(photos, tmp_path / 'one')
    run(other, tmp_path / 'two')
    merged = merge_runs([tmp_path / 'one', tmp_path / 'two'], tmp_path / 'out')
    assert merged.num_images == len(photos) + 1
    names = ResultsTable.load(tmp_path / 'out' / 'results.npz').frame_names.tolist()
    assert {str(other), *map(str, photos)} == set(names)


def test_a_damaged_file_is_listed_when_merging(run, photos, tmp_path) -> None:
    run(photos, tmp_path / 'out')
    (tmp_path / 'out' / 'b.npz').write_bytes(b'damaged')
    merged = merge_runs([tmp_path / 'out'])
    assert merged.num_images == 4
    assert [failure.name for failure in merged.failures] == [str(photos[1])]
    assert 'no readable .npz file' in merged.failures[0].reason


def test_photos_and_video_in_one_table(run, photos, video, tmp_path) -> None:
    """Each photo has its own camera and nobody is linked; a video is one shot."""
    run([*photos[:2], video], tmp_path / 'out', every=2)
    table = ResultsTable.load(tmp_path / 'out' / 'results.npz')
    assert table.num_frames == 7 and np.isnan(table.fps)
    assert table.track_id.tolist() == [-1, -1, 0, 0, 0, 0, 0]
    assert set(table.focal_source) == set(table.rotation_source) == {'predicted'}
    run(video, tmp_path / 'video', every=2)
    table = ResultsTable.load(tmp_path / 'video' / 'results.npz')
    assert table.fps == pytest.approx(5)  # every second frame of ten a second
    assert len(set(table.focal_length)) == 1


def test_nothing_finished_makes_no_table(run, tmp_path) -> None:
    report = run(tmp_path / 'gone.jpg', tmp_path / 'out')
    assert len(report.failures) == 1
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'report.json', 'run'}


def test_a_photo_called_results(run, write_photo, tmp_path) -> None:
    run(write_photo('results.jpg'), tmp_path / 'out')
    found = {path.name for path in (tmp_path / 'out').glob('*.npz')}
    assert found == {'results.npz', 'results_2.npz'}


def test_journal(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, {'a': 1})
    item = RunItem('x/a.jpg', 'a', folder.digest, True, people=2, problems=('p',), mark='1 2')
    folder.record(item)
    assert read_items(tmp_path) == [item]
    again = RunFolder(tmp_path, {'a': 1})
    assert again.finished('a', 'x/a.jpg', '1 2') is None  # its file is not there
    (tmp_path / 'a.npz').write_bytes(b'')
    assert again.finished('a', 'x/a.jpg', '1 2') == item
    assert again.finished('a', 'y/a.jpg', '1 2') is None
    assert again.finished('a', 'x/a.jpg', '1 3') is None
    assert again.finished('a', 'x/a.jpg', None) is None
    folder.record(replace(item, done=False))
    assert RunFolder(tmp_path, {'a': 1}).finished('a', 'x/a.jpg', '1 2') == item


def test_digest_tells_values_apart() -> None:
    values = [None, 1, 1.0, '1', [1, 2], [[1], 2], {'a': 1}, {'a': 2}, np.arange(3), np.ones(3)]
    values += [torch.ones(3), torch.ones(3, dtype=torch.bfloat16), torch.tensor(1.0)]
    assert len({digest(value) for value in values}) == len(values)
    assert digest({'a': 1, 'b': 2}) == digest({'b': 2, 'a': 1})
