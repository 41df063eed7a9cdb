"""What can be exported, and that a file which computes something else is refused."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from mmengine import Config
from torch import Tensor

from whmr.deploy import ModelFolder
from whmr.engine import ConfigError, load_config
from whmr.exporting import ExportMismatchError, ExportPart, FileReport, export, export_onnx
from whmr.exporting.check import compare, onnx_runner, require_equal, seconds, torchscript_runner
from whmr.exporting.parts import example_crops
from whmr.exporting.settings import read_settings
from whmr.exporting.trace import to_onnx, to_torchscript
from whmr.models import HMRDataPreprocessor

PIPELINE = [
    dict(type='LoadImage'),
    dict(type='GetBox', padding=1.1),
    dict(type='CropPerson', crop_shape=(64, 48)),
    dict(type='PackHMRInputs'),
]


class Twice(ExportPart):
    """Multiplies by the same large matrix twice, and transposes."""

    inputs = ('a',)
    outputs = ('b', 'c')

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('matrix', torch.randn(32, 32) / 6, persistent=False)

    def forward(self, a: Tensor) -> tuple[Tensor, ...]:
        b = a @ self.matrix @ self.matrix
        return b, b.reshape(a.shape[0], 8, 4).mT @ b.reshape(a.shape[0], 8, 4)


class Blocks(ExportPart):
    """Splits axes, and asks for the batch size of what comes out."""

    inputs = ('a',)
    outputs = ('b',)

    def forward(self, a: Tensor) -> tuple[Tensor, ...]:
        blocks = a.unflatten(1, (-1, 4)).unflatten(1, (2, -1))
        return (blocks.transpose(1, 3).reshape(blocks.shape[0], 4, -1),)


@pytest.fixture
def part() -> Twice:
    """With a fixed matrix."""
    return Twice().eval()


def batches() -> list[Sequence[Tensor]]:
    return [(torch.randn(size, 32),) for size in (2, 1, 5)]


def test_onnx_file_takes_any_batch_and_shares_constants(part: Twice) -> None:
    axes = {name: {0: 'batch'} for name in ('a', 'b', 'c')}
    content = to_onnx(part, batches()[0], axes)
    errors = compare(part, onnx_runner(content), batches())
    assert set(errors) == {'b', 'c'} and max(errors.values()) < 1e-5
    graph = onnx.load_model_from_string(content).graph
    tensors = [node.attribute[0].t for node in graph.node if node.op_type == 'Constant']
    sizes = [len(tensor.raw_data) for tensor in [*tensors, *graph.initializer]]
    assert sizes.count(32 * 32 * 4) == 1


def test_what_to_install_is_said(part: Twice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(ImportError, match=r"pip install 'whmr\[export\]'"):
        to_onnx(part, batches()[0], {})


def test_split_axes_leave_the_batch_open() -> None:
    blocks = Blocks().eval()
    content = to_onnx(blocks, batches()[0], {name: {0: 'batch'} for name in ('a', 'b')})
    assert compare(blocks, onnx_runner(content), batches()) == {'b': 0}


def test_a_file_of_one_batch_size_is_refused(part: Twice) -> None:
    content = to_onnx(part, batches()[0], {})
    with pytest.raises(ExportMismatchError, match='cannot run the file on 1 rows'):
        compare(part, onnx_runner(content), batches())


def test_torchscript_file_takes_any_batch(part: Twice) -> None:
    content = to_torchscript(part, batches()[0])
    assert max(compare(part, torchscript_runner(content), batches()).values()) < 1e-5


@pytest.mark.parametrize(
    'spoil',
    [lambda a: a + 0.01, lambda a: a * np.nan, lambda a: a[:1]],
    ids=['off', 'nan', 'shape'],
)
def test_another_result_is_refused(part: Twice, spoil: Callable) -> None:
    def run(part: ExportPart, inputs: Sequence[Tensor]) -> list[np.ndarray]:
        b, c = (value.numpy() for value in part(*inputs))
        return [b, spoil(c)]

    errors = compare(part, run, batches())
    assert errors['b'] == 0
    with pytest.raises(ExportMismatchError, match=r"x\.onnx: output 'c' is off"):
        require_equal(FileReport('x.onnx', errors, 1))


def test_large_numbers_are_compared_by_their_size(part: Twice) -> None:
    def run(part: ExportPart, inputs: Sequence[Tensor]) -> list[np.ndarray]:
        return [1.00005 * value.numpy() for value in part(*inputs)]

    part.matrix *= 100
    assert 1e-5 < max(compare(part, run, batches()).values()) < 1e-4


def test_seconds_are_of_one_call() -> None:
    calls = []
    assert seconds(lambda: calls.append(1), repeats=2) >= 0
    assert len(calls) == 3


def test_settings_are_the_pipelines() -> None:
    settings = read_settings(PIPELINE, HMRDataPreprocessor(mean=[1, 2, 3], std=[4, 5, 6]))
    assert settings['crop'] == {'shape': [64, 48], 'padding': 1.1, 'antialias': True}
    assert settings['photo'] == {}
    assert settings['pixels'] == {'mean': [1, 2, 3], 'std': [4, 5, 6], 'order': 'rgb'}
    whole = [*PIPELINE[:-1], dict(type='ResizeFull', short_side=99), PIPELINE[-1]]
    photo = read_settings(whole, HMRDataPreprocessor())['photo']
    assert photo == {'short_side': 99, 'max_long_side': None, 'antialias': True}


@pytest.mark.parametrize(
    'pipeline', [PIPELINE[:1], [*PIPELINE, dict(type='RandomFlip')]], ids=['no crop', 'flip']
)
def test_other_pipelines_are_refused(pipeline: list[dict]) -> None:
    with pytest.raises(ConfigError, match='cannot be exported'):
        read_settings(pipeline, HMRDataPreprocessor())


def test_a_calibrator_alone_is_refused(tmp_path: Path) -> None:
    backbone = dict(type='TimmBackbone', model_name='resnet18')
    config = Config(
        dict(
            model=dict(
                type='CameraEstimator',
                camera=dict(type='CamCalib', backbone=backbone),
                data_preprocessor=dict(type='HMRDataPreprocessor'),
            ),
            test_dataloader=dict(dataset=dict(pipeline=PIPELINE)),
        )
    )
    with pytest.raises(ConfigError, match='no body_model'):
        list(export_onnx(config, None, tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


def test_a_broken_export_leaves_no_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, repo_root: Path
) -> None:
    """Files of an earlier export are not taken for one model with some of the new one."""

    def broken(*args: object, **kwargs: object) -> Iterator[FileReport]:
        (tmp_path / 'model.onnx').write_text('new')
        raise ExportMismatchError('orient.onnx is off')
        yield

    monkeypatch.setattr(export, '_write', broken)
    for name in ('model.onnx', 'model.json'):
        (tmp_path / name).write_text('old')
    config = load_config(repo_root / 'configs' / 'whmr' / 'whmr_lite_stage3.py')
    config.load_from = None
    with pytest.raises(ExportMismatchError):
        list(export_onnx(config, None, tmp_path))
    with pytest.raises(FileNotFoundError, match=r'it has no model\.json'):
        ModelFolder.read(tmp_path)


def test_example_crops_know_every_other_focal_length() -> None:
    crop, crop2full, full_shape, focal_length = example_crops(3, (8, 6))
    assert crop.shape == (3, 3, 8, 6) and full_shape.shape == (3, 2)
    assert torch.isnan(focal_length).tolist() == [True, False, True]
    assert (crop2full[:, 0, 0] == crop2full[:, 1, 1]).all() and (crop2full[:, 0, 1] == 0).all()
