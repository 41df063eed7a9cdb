"""A test run survives photos that cannot be used, and says so."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine import Config

from whmr.datasets import BadSampleError
from whmr.engine import HMRRunner
from whmr.testing import tiny_annotation_file, tiny_pipeline

ROOT = Path(__file__).resolve().parents[2]
MODEL = """
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from whmr.registry import METRICS, MODELS


@MODELS.register_module(force=True)
class Echo(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        for sample in data_samples:
            sample.pred_instances = InstanceData(betas=torch.ones(1, 10))
        return data_samples


@METRICS.register_module(force=True)
class CountLabels(BaseMetric):
    def process(self, data_batch, data_samples):
        for sample in data_samples:
            self.results.append(bool(sample['gt_instances']['has_smpl'].all()))

    def compute_metrics(self, results):
        return {'labelled': sum(results)}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config whose five photos have two bad ones among them."""
    tiny_annotation_file(tmp_path / 'data', 5)
    (tmp_path / 'data' / 'images' / '0001.png').unlink()
    (tmp_path / 'data' / 'images' / '0003.png').write_text('no picture')
    (tmp_path / 'echo_parts.py').write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    dataset = dict(
        type='HMRDataset',
        ann_file='tiny.npz',
        data_root=str(tmp_path / 'data'),
        data_prefix=dict(img='images'),
        pipeline=tiny_pipeline(),
        test_mode=True,
    )
    loader = dict(batch_size=2, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=False))
    entries = dict(
        default_scope='whmr',
        custom_imports=dict(imports=['echo_parts']),
        work_dir=str(tmp_path / 'work'),
        model=dict(type='Echo'),
        test_dataloader=loader,
        test_evaluator=dict(type='CountLabels'),
        test_cfg=dict(),
    )
    path = tmp_path / 'echo.py'
    path.write_text('\n'.join(f'{key} = {value!r}' for key, value in entries.items()))
    (tmp_path / 'weights.pth').touch()
    return path


def build(config: Path, workers: int = 0) -> HMRRunner:
    cfg = Config.fromfile(config, format_python_code=False)
    cfg.test_dataloader.num_workers = workers
    cfg.experiment_name = f'bad_photos_{config.parent.name}'
    return HMRRunner.from_cfg(cfg)


@pytest.mark.parametrize('workers', [0, 1])
def test_bad_photos_are_skipped_counted_and_listed(config: Path, workers: int) -> None:
    runner = build(config, workers)
    assert runner.test() == {'labelled': 3}
    log = next(Path(runner.log_dir).glob('*.log')).read_text()
    (listing,) = log.split('2 of 5 samples have no usable photo and count in no figure:')[1:]
    lines = [line for line in listing.splitlines()[1:] if line.startswith('  ')]
    assert '0001.png: cannot be read' in lines[0] and '0003.png: not a picture' in lines[1]


def test_without_any_usable_photo_the_run_ends(config: Path) -> None:
    for photo in (config.parent / 'data' / 'images').iterdir():
        photo.unlink()
    with pytest.raises(BadSampleError, match=r'none of the 5 samples .*0000\.png: cannot be read'):
        build(config).test()


def test_the_tool_says_so_and_ends_with_one(config: Path, capsys: pytest.CaptureFixture) -> None:
    torch.save({'state_dict': {'weight': torch.zeros(1)}}, config.parent / 'weights.pth')
    spec = importlib.util.spec_from_file_location('test_tool', ROOT / 'tools' / 'test.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    summary, dump = config.parent / 'summary.json', config.parent / 'dump.npz'
    files = ['--summary', str(summary), '--dump', str(dump)]
    assert tool.main([str(config), str(config.parent / 'weights.pth'), *files]) == 1
    error = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
    assert len(error) == 1 and error[0].startswith('error: 2 of 5 samples have no usable photo')
    assert json.loads(summary.read_text())['num_bad_samples'] == 2
    betas = np.load(dump)['betas']
    assert np.isnan(betas).all(1).tolist() == [False, True, False, True, False]
