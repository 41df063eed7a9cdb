"""Training and testing with bad data: one line that names the file and the field."""

import errno
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine import Config

from whmr.testing import tiny_annotation_file, tiny_pipeline

ROOT = Path(__file__).resolve().parents[2]
PARTS = """
import torch
from mmengine.model import BaseModel
from whmr.registry import MODELS


@MODELS.register_module(force=True)
class Constant(BaseModel):
    def __init__(self, data_preprocessor=None):
        super().__init__(data_preprocessor=data_preprocessor)
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, metas=None, targets=None, data_samples=None, mode='loss'):
        return {'loss_size': self.weight.square().sum()}
"""


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Trains on the tiny data set for three iterations, with two workers or none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / 'constant_parts.py').write_text(PARTS)
    spec = importlib.util.spec_from_file_location('train_tool', ROOT / 'tools' / 'train.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(*arguments: str, workers: int = 0, prefix: str = 'images', **dataset: object) -> int:
        data = dict(
            type='HMRDataset',
            ann_file='tiny.npz',
            data_root=str(tmp_path / 'data'),
            data_prefix=dict(img=prefix),
            pipeline=tiny_pipeline(),
            max_refetch=4,
            **dataset,
        )
        entries = dict(
            default_scope='whmr',
            custom_imports=dict(imports=['constant_parts']),
            model=dict(
                type='Constant',
                data_preprocessor=dict(
                    type='HMRDataPreprocessor', body_model=dict(type='FreeBody')
                ),
            ),
            train_dataloader=dict(
                batch_size=2,
                num_workers=workers,
                dataset=data,
                sampler=dict(type='ResumableSampler', shuffle=True),
            ),
            train_cfg=dict(by_epoch=False, max_iters=3),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
            log_processor=dict(by_epoch=False),
        )
        path = tmp_path / f'bad_data_{len(list(tmp_path.glob("*.py")))}.py'
        path.write_text('\n'.join(f'{key} = {value!r}' for key, value in entries.items()))
        return tool.main([str(path), *arguments])

    return run


def the_error(capsys: pytest.CaptureFixture) -> str:
    error = capsys.readouterr().err
    assert 'Traceback' not in error
    (line,) = [line for line in error.splitlines() if line.startswith('error: ')]
    return line


def rewrite(path: Path, **changes: object) -> None:
    """Change, add or (None) remove columns, behind the back of the writer's checks."""
    with np.load(path) as file:
        arrays = {**file, **changes}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


def damage_betas(path: Path, value: float) -> None:
    with np.load(path) as file:
        betas = file['betas'].copy()
    betas[2, 3] = value
    rewrite(path, betas=betas)


DAMAGES = {
    'cut': (lambda p: p.write_bytes(p.read_bytes()[:500]), 'not a whole .npz archive'),
    'text': (lambda p: p.write_text('no archive'), 'not a whole .npz archive'),
    'nan': (lambda p: damage_betas(p, np.nan), "column 'betas', row 2 holds NaN or infinity"),
    'infinite': (lambda p: damage_betas(p, np.inf), "column 'betas', row 2 holds NaN"),
    'shape': (
        lambda p: rewrite(p, betas=np.zeros((5, 11), 'f4')),
        "column 'betas' has shape (5, 11), must be (5, 10)",
    ),
    'unknown column': (lambda p: rewrite(p, bettas=np.zeros(5)), "unknown column(s) ['bettas']"),
    'missing column': (lambda p: rewrite(p, bbox=None), "required column 'bbox' is missing"),
    'pickle': (
        lambda p: rewrite(p, img_id=np.array([None] * 5)),
        "column 'img_id' holds Python objects",
    ),
    'empty box': (
        lambda p: rewrite(p, bbox=np.zeros((5, 4), 'f4')),
        "column 'bbox', row 0 has no area",
    ),
    'box outside': (
        lambda p: rewrite(p, bbox=np.tile(np.float32([900, 9, 990, 50]), (5, 1))),
        "column 'bbox', row 0 lies outside the photo",
    ),
}


@pytest.mark.parametrize('damage', DAMAGES)
def test_a_bad_annotation_file_is_named(train, tmp_path, capsys, damage: str) -> None:
    path = tiny_annotation_file(tmp_path / 'data', 5)
    change, message = DAMAGES[damage]
    change(path)
    assert train() == 2
    line = the_error(capsys)
    assert str(path) in line and message in line


def test_bad_rows_can_be_dropped(train, tmp_path, capsys) -> None:
    damage_betas(tiny_annotation_file(tmp_path / 'data', 5), np.nan)
    assert train(on_bad_rows='drop') == 0


def test_labels_of_another_body_are_named(train, tmp_path, capsys) -> None:
    path = tiny_annotation_file(tmp_path / 'data', 5)
    with np.load(path) as file:
        rewrite(path, meta=np.array(str(file['meta']).replace('free_body', 'smpl')))
    assert train() == 2
    line = the_error(capsys)
    assert "topology 'smpl', but this body is 'free_body'" in line and '.png' in line


@pytest.mark.parametrize('workers', [0, 2])
def test_training_goes_on_with_bad_photos(train, tmp_path, capfd, workers: int) -> None:
    tiny_annotation_file(tmp_path / 'data', 5)
    (tmp_path / 'data' / 'images' / '0001.png').write_bytes(b'\x89PNG')
    (tmp_path / 'data' / 'images' / '0003.png').unlink()
    assert train(workers=workers) == 0
    printed = ''.join(capfd.readouterr())
    assert '0001.png: the photo is cut off' in printed and '0003.png: cannot be read' in printed


@pytest.mark.parametrize('workers', [0, 2])
def test_a_wrong_photo_folder_is_one_line(train, tmp_path, capsys, workers: int) -> None:
    tiny_annotation_file(tmp_path / 'data', 5)
    assert train(workers=workers, prefix='elsewhere') == 1
    line = the_error(capsys)
    assert 'no usable sample in 5 draws; check the photos in' in line and 'elsewhere' in line


def test_a_full_disk_names_the_folder(train, tmp_path, capsys, monkeypatch) -> None:
    tiny_annotation_file(tmp_path / 'data', 5)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Config, 'dump', full)
    assert train('--work-dir', 'some/runs') == 1
    line = the_error(capsys)
    assert 'some/runs: No space left on device; free some space' in line
