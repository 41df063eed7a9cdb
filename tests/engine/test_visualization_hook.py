"""Which photos of a validation are drawn, and what stands for a photo that is no file."""

import logging
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.visualization import Visualizer

from whmr.engine.hooks import VisualizationHook
from whmr.structures import HMRDataSample
from whmr.visualization import HMRVisualizer

SHAPE = (40, 60)  # of the photos


class Recorder:
    """Stands for a visualizer; keeps what it is asked to draw."""

    def __init__(self) -> None:
        self.drawn: list[SimpleNamespace] = []

    def add_datasample(self, name, image, data_sample, *, out_file, step) -> None:
        self.drawn.append(
            SimpleNamespace(name=name, image=image, samples=data_sample, file=out_file, step=step)
        )


def make_sample(index: int, **metas: object) -> HMRDataSample:
    crop2full = np.array([[1.0, 0.0, 20.0], [0.0, 1.0, 10.0]])
    metas = {'sample_idx': index, 'ori_shape': SHAPE, 'crop2full': crop2full, **metas}
    return HMRDataSample(metainfo=metas)


def make_runner(total: int, **parts: object) -> SimpleNamespace:
    loader = SimpleNamespace(sampler=range(total))
    parts = {'visualizer': Recorder(), 'iter': 30, **parts}
    return SimpleNamespace(val_dataloader=loader, test_dataloader=loader, **parts)


def batch_of(samples: list[HMRDataSample]) -> dict:
    crop = torch.zeros(3, 8, 6, dtype=torch.uint8)
    crop[0] = 255  # blue: crops are BGR
    return {'inputs': {'crop': [crop] * len(samples)}}


def run_epoch(hook: VisualizationHook, runner: SimpleNamespace, samples: list, size: int) -> None:
    hook.before_val_epoch(runner)
    for index, first in enumerate(range(0, len(samples), size)):
        batch = samples[first : first + size]
        hook.after_val_iter(runner, index, batch_of(batch), batch)


def test_photos_are_spread_and_the_same_each_time() -> None:
    hook, runner = VisualizationHook(num_val=3), make_runner(12)
    samples = [make_sample(index) for index in range(12)]
    for size in (4, 5):
        runner.visualizer.drawn.clear()
        run_epoch(hook, runner, samples, size)
        drawn = runner.visualizer.drawn
        assert [[sample.sample_idx for sample in one.samples] for one in drawn] == [[2], [6], [10]]
        assert [one.name for one in drawn] == ['val_0', 'val_1', 'val_2']
        assert {one.step for one in drawn} == {30} and {one.file for one in drawn} == {None}


def test_everybody_of_a_photo_is_drawn_on_the_photo(tmp_path: Path) -> None:
    photo = np.zeros((*SHAPE, 3), np.uint8)
    photo[:, :30] = (10, 20, 200)
    cv2.imwrite(str(tmp_path / 'a.png'), photo[..., ::-1])
    path = str(tmp_path / 'a.png')
    samples = [make_sample(0, img_path=path), make_sample(1), make_sample(2, img_path=path)]
    hook, runner = VisualizationHook(num_val=0, num_test=1, show_dir=tmp_path), make_runner(1)
    hook.before_test_epoch(runner)
    hook.after_test_iter(runner, 0, batch_of(samples), samples)
    (one,) = runner.visualizer.drawn
    assert [sample.sample_idx for sample in one.samples] == [0, 2]
    np.testing.assert_array_equal(one.image, photo)
    assert one.file == tmp_path / 'test_0.png'


@pytest.mark.parametrize('path', [None, 'missing.jpg'])
def test_the_crop_stands_where_it_was_cut_out(path: str | None) -> None:
    hook, runner = VisualizationHook(num_val=1), make_runner(1)
    run_epoch(hook, runner, [make_sample(0, **({} if path is None else {'img_path': path}))], 1)
    expected = np.full((*SHAPE, 3), 127, np.uint8)
    expected[10:18, 20:26] = (0, 0, 255)
    np.testing.assert_array_equal(runner.visualizer.drawn[0].image, expected)


def test_bad_photos_and_none_wanted_draw_nothing() -> None:
    runner = make_runner(2)
    samples = [make_sample(0, bad_photo='torn'), make_sample(1, bad_photo='torn')]
    run_epoch(VisualizationHook(num_val=2), runner, samples, 2)
    run_epoch(VisualizationHook(num_val=0), runner, [make_sample(0), make_sample(1)], 2)
    assert runner.visualizer.drawn == []
    with pytest.raises(ValueError, match='num_val=-1'):
        VisualizationHook(num_val=-1)


def test_a_picture_that_fails_costs_no_run(caplog) -> None:
    class Broken(Recorder):
        def add_datasample(self, name, *args, **kwargs) -> None:
            if name == 'val_1':
                raise RuntimeError('no space left')
            super().add_datasample(name, *args, **kwargs)

    logger = logging.getLogger('pictures')
    hook, runner = VisualizationHook(num_val=3), make_runner(6, visualizer=Broken(), logger=logger)
    run_epoch(hook, runner, [make_sample(index) for index in range(6)], 2)
    assert [one.name for one in runner.visualizer.drawn] == ['val_0', 'val_2']
    assert 'picture val_1 was not drawn: RuntimeError: no space left' in caplog.text


def test_the_body_of_the_model_is_drawn(tmp_path: Path) -> None:
    logger = MMLogger.get_instance('visualization_hook')
    body = object()
    model = SimpleNamespace(body_model=body)
    visualizer = HMRVisualizer(f'hook_{tmp_path.name}')
    hook = VisualizationHook(num_val=2)
    hook.before_run(make_runner(4, visualizer=visualizer, model=model, logger=logger))
    assert visualizer._body_model is body and hook.num_val == 2
    plain = Visualizer(f'plain_{tmp_path.name}')
    hook.before_run(make_runner(4, visualizer=plain, model=model, logger=logger))
    assert hook.num_val == 0
