"""Errors of the body in the gravity-aligned world."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log

from whmr.body_models import BodyModel
from whmr.evaluation.functional import rotation_error, up_vector_error
from whmr.evaluation.metrics.camera_metric import CAMERA_COLUMNS, measure_rotation
from whmr.evaluation.metrics.mesh_errors import MeshErrors
from whmr.evaluation.metrics.per_sample import PerSampleMetric, Record, put
from whmr.evaluation.metrics.samples import Sample, describe, has_label, stack
from whmr.registry import METRICS

ROTATION_SOURCES = ('predicted', 'known', 'none')
_NO_LABEL = (
    'has_world promises it; the data preprocessor writes the world meshes into the samples when '
    'the model is in evaluation mode'
)
_NO_PREDICTION = 'the model must predict the world, as WorldHMR does'


def check_rotation_source(rotation_source: str, error: float | None) -> None:
    """Warn where the camera rotations that a model used are not those that a table's title claims.

    Args:
        rotation_source: What the title says, one of `ROTATION_SOURCES`.
        error: Mean error of the rotations that were used, degrees; None: no label.
    """
    if error is None or rotation_source == 'none':
        return
    exact = error < 1e-2
    if exact != (rotation_source == 'known'):
        print_log(
            f'rotation_source is {rotation_source!r}, but the camera rotation is {error:.3f} deg '
            "off the data set's on average",
            logger='current',
            level=logging.WARNING,
        )


@METRICS.register_module()
class WorldSpaceMetric(PerSampleMetric):
    """W-MPJPE, PA-MPJPE and W-PVE, and the errors of the orientations of body and camera.

    - `W-MPJPE`, `PA-MPJPE` (mm): joints regressed from the world vertices, pelvis-centred;
      `W-MPJPE (un-aligned)`: as they lie.
    - `W-PVE` (mm): world vertices without alignment, as in the paper's text; `W-PVE (pelvis)`: both
      sides centred on the H36M pelvis, as in SPEC's code.
    - `up-vector error (deg)`: angle between the body's up direction in predicted and true world;
      no choice of yaw changes it. `orientation error (deg)`: the whole rotation.
    - `camera rotation error (deg)`, `pitch error (deg)`, `roll error (deg)`: of the camera rotation
      that the model used, where the true one is known.

    Paper Sec. 4.2, after SPEC (Kocabas et al., ICCV 2021). See `PerSampleMetric` for missing labels
    and invalid predictions.

    Args:
        body_model: The body whose regressors are used, or its config.
        joint_set: `smpl24` (the usual), `j14` or `j17`.
        rotation_source: Which camera rotation the model was given; it stands in the table's title:
            `predicted` by the camera calibrator, `known` = the data set's own, `none` = identity.
        dump_path: See `PerSampleMetric`.
        summary_path: See `PerSampleMetric`.
        collect_device: See `PerSampleMetric`.
        prefix: Default `world`.
        collect_dir: See `PerSampleMetric`.

    Raises:
        ValueError: An unknown joint set or rotation source.
    """

    default_prefix = 'world'
    columns = (
        'W-MPJPE',
        'W-MPJPE (un-aligned)',
        'PA-MPJPE',
        'W-PVE',
        'W-PVE (pelvis)',
        'up-vector error (deg)',
        'orientation error (deg)',
        *CAMERA_COLUMNS,
    )

    def __init__(
        self,
        body_model: BodyModel | Mapping[str, Any],
        joint_set: str = 'smpl24',
        *,
        rotation_source: str = 'predicted',
        dump_path: str | None = None,
        summary_path: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(
            dump_path=dump_path,
            summary_path=summary_path,
            collect_device=collect_device,
            prefix=prefix,
            collect_dir=collect_dir,
        )
        if rotation_source not in ROTATION_SOURCES:
            raise ValueError(
                f'rotation_source: must be one of {", ".join(ROTATION_SOURCES)}, '
                f'got {rotation_source!r}'
            )
        self.mesh = MeshErrors(body_model, joint_set)
        self.rotation_source = rotation_source

    @property
    def settings(self) -> Mapping[str, str]:
        """Joint set and camera rotation."""
        return {'joints': self.mesh.joint_set, 'camera rotation': self.rotation_source}

    def measure(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        """Errors of one batch; see the class.

        Args:
            samples: Data samples as nested dicts.
            records: An empty record per sample, to be filled.

        Raises:
            ValueError: A sample lacks a field that its flags promise, or is of another body.
        """
        self._measure_body(samples, records)
        measure_rotation(samples, records)

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """As `PerSampleMetric`; warns where the errors contradict `rotation_source`.

        Args:
            results: Records of all samples of all processes.

        Raises:
            ValueError: No sample has any label that this metric needs.
        """
        metrics = super().compute_metrics(results)
        check_rotation_source(self.rotation_source, metrics.get(CAMERA_COLUMNS[0]))
        return metrics

    def _measure_body(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        index = [i for i, s in enumerate(samples) if has_label(s, 'gt_instances', 'has_world')]
        if not index:
            return
        labelled = [samples[i] for i in index]
        for sample in labelled:
            self.mesh.check_topology(sample, f'the label of {describe(sample)}')
        target = stack(labelled, 'gt_instances', 'vertices_world', _NO_LABEL)
        pred = stack(labelled, 'pred_instances', 'vertices_world', _NO_PREDICTION)
        errors = self.mesh.mesh_joint_errors(pred, target)
        errors |= self.mesh.vertex_errors(pred, target)
        errors = {name if name == 'PA-MPJPE' else f'W-{name}': e for name, e in errors.items()}

        field = 'global_orient_world'
        target = stack(labelled, 'gt_instances', field, _NO_LABEL).reshape(-1, 3, 3)
        pred = stack(labelled, 'pred_instances', field, _NO_PREDICTION).reshape(-1, 3, 3)
        errors['up-vector error (deg)'] = up_vector_error(pred, target)
        errors['orientation error (deg)'] = rotation_error(pred, target)
        for name, values in errors.items():
            put(records, index, name, values)
