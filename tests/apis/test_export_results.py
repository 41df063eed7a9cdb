from pathlib import Path

import numpy as np
import pytest

from whmr.apis import ExportOptions, ResultsSource, export_results, gather_results
from whmr.body_models import FreeBody
from whmr.testing import clip_results


@pytest.fixture(scope='module')
def body() -> FreeBody:
    return FreeBody()


@pytest.mark.parametrize('steady', [True, False])
def test_losses(body: FreeBody, tmp_path: Path, steady: bool) -> None:
    """Joints are exact where a person keeps its shape."""
    table = gather_results(clip_results(3, 1, steady_betas=steady), body)
    options = ExportOptions(kinds=('glb',), influences=8)
    losses = export_results(ResultsSource(table, body), tmp_path, 'a', options=options).losses
    assert (losses.max_joint_mm < 0.001) == steady and losses.max_joint_mm < 50
    assert 0.1 < losses.mean_vertex_mm < 20 and losses.max_vertex_mm < 200
    assert losses.dropped_weight == pytest.approx(0, abs=1e-6)


def test_results_of_no_file_are_always_written(body: FreeBody, tmp_path: Path) -> None:
    options = ExportOptions(kinds=('bvh',))
    contents = []
    for seed in (0, 1):
        table = gather_results(clip_results(2, 1, seed=seed), body)
        report = export_results(ResultsSource(table, body), tmp_path, 'a', options=options)
        assert report.fps == 30 and not report.kept
        contents.append(report.written[0].read_bytes())
    assert contents[0] != contents[1]


def test_world_that_is_not_known(body: FreeBody, tmp_path: Path) -> None:
    clip = clip_results(2, 1)
    for photo in clip:
        for name in ('global_orient_world_rotmat', 'joints_world', 'world2cam_rotmat'):
            getattr(photo, name)[...] = np.nan
    source = ResultsSource(gather_results(clip, body), body)
    report = export_results(source, tmp_path, 'a', options=ExportOptions(kinds=('glb', 'bvh')))
    assert report.space == 'camera' and len(report.written) == 2
    with pytest.raises(ValueError, match='no world'):
        export_results(source, tmp_path, 'a', options=ExportOptions(kinds=('glb',), space='world'))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(kinds=('fbx',)), r"\['fbx'\] is none of"),
        (dict(kinds=()), 'is none of'),
        (dict(kinds=('glb',), space='model'), "space='model': one of"),
        (dict(kinds=('glb',), influences=3), 'influences=3: one of'),
        (dict(kinds=('glb',), fps=-1.0), 'fps=-1.0: must be above 0'),
    ],
)
def test_wrong_options(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExportOptions(**arguments)
