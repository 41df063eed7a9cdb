"""Writes the predictions of a test run to one plain file."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import collect_results
from mmengine.hooks import Hook
from mmengine.runner import Runner

from whmr.fileio import write_bytes
from whmr.registry import HOOKS
from whmr.structures import HMRDataSample

_CONTAINERS = ('pred_instances', 'pred_camera')
_META = ('img_path', 'img_id', 'sample_idx', 'dataset')


@HOOKS.register_module()
class DumpPredictionsHook(Hook):
    """Collects `pred_instances` and `pred_camera` of a test run in an `.npz` file.

    One row per person, in the data set's order: each predicted field under its own name (a
    camera's under `camera_<name>`), and `img_path`, `img_id`, `sample_idx`, `dataset`. Where the
    photo could not be used the fields are NaN.

    Args:
        path: The file, ending in '.npz'.
        vertices: Whether to write the meshes too (83 kB per mesh of 6890 vertices).

    Shapes: N people. Each field is (N, ...) with the shape, unit and frame of the data contract.

    Raises:
        ValueError: `path` does not end in '.npz', or some people lack a field.
    """

    priority = 'LOW'

    def __init__(self, path: str, *, vertices: bool = False) -> None:
        if Path(path).suffix != '.npz':
            raise ValueError(f'predictions are written as .npz, not {path!r}')
        self.path = Path(path)
        self.vertices = vertices
        self._rows: list[dict[str, Any]] = []

    def before_test_epoch(self, runner: Runner) -> None:
        """Start with no rows."""
        self._rows = []

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[HMRDataSample] | None = None,
    ) -> None:
        """Keep the batch's predictions."""
        self._rows += [self._row(sample) for sample in outputs or ()]

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write the file, in the main process.

        Raises:
            ValueError: Some people lack a field that others have.
        """
        rows = collect_results(self._rows, len(runner.test_dataloader.dataset), device='cpu')
        self._rows = []
        if rows is None:  # not the main process
            return
        names = dict.fromkeys(name for row in rows for name in row)
        for name in names:
            lacking = sum(name not in row for row in rows)
            if lacking:
                raise ValueError(f'{self.path}: {lacking} of {len(rows)} people have no {name!r}')
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{name: np.stack([r[name] for r in rows]) for name in names})
        write_bytes(self.path, buffer.getbuffer())
        runner.logger.info(f'{len(rows)} predictions were written to {self.path}')

    def _row(self, sample: HMRDataSample) -> dict[str, Any]:
        row = {
            key: np.asarray(str(value) if isinstance(value, (str, Path)) else value)
            for key in _META
            if (value := sample.get(key)) is not None
        }
        for container in _CONTAINERS:
            if container not in sample:
                continue
            prefix = 'camera_' if container == 'pred_camera' else ''
            for name, value in sample.get(container).items():
                if isinstance(value, torch.Tensor) and (
                    self.vertices or not name.startswith('vertices')
                ):
                    row[prefix + name] = value[0].detach().float().cpu().numpy()
                    if sample.get('bad_photo'):
                        row[prefix + name].fill(np.nan)
        return row
