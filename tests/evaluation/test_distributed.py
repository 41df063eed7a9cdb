"""Two processes gather their records; the sample that pads the second one is dropped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, sys
import torch.distributed as dist

from whmr.evaluation.metrics.per_sample import PerSampleMetric

rank, folder = int(sys.argv[1]), sys.argv[2]
dist.init_process_group('gloo', init_method=f'file://{folder}/meet', rank=rank, world_size=2)


class Index(PerSampleMetric):
    columns = ('MPJPE',)
    settings = {}

    def measure(self, samples, records):
        for sample, record in zip(samples, records):
            if sample['sample_idx'] != 1:  # sample 1 has no label
                record['MPJPE'] = float(10 ** sample['sample_idx'])


# Three samples for two processes: MMEngine's sampler gives 0, 2 and 1, 0.
metric = Index(dump_path=f'{folder}/errors.csv', prefix='p', collect_dir=f'{folder}/collect')
for index in ([0, 2], [1, 0])[rank]:
    metric.process(None, [{'sample_idx': index, 'img_id': str(index)}])
metrics = metric.evaluate(3)
with open(f'{folder}/{rank}.json', 'w') as file:
    json.dump(metrics, file)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_agree_and_no_sample_counts_twice(tmp_path: Path, repo_root: Path) -> None:
    environment = {**os.environ, 'PYTHONPATH': str(repo_root), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, '-c', SCRIPT]
    processes = [
        subprocess.Popen([*command, str(rank), str(tmp_path)], env=environment) for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    results = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    assert results[0] == results[1]
    assert results[0] == {'p/MPJPE': (1 + 100) / 2, 'p/num_samples': 3, 'p/num_invalid': 0}
    lines = (tmp_path / 'errors.csv').read_text().split()
    assert [line.split(',')[0] for line in lines[1:]] == ['0', '1', '2']
