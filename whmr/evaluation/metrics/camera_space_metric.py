"""Errors of the body in the camera frame."""

from collections.abc import Mapping, Sequence
from typing import Any

from whmr.body_models import BodyModel
from whmr.evaluation.functional import keypoint_error_2d, relative_focal_error
from whmr.evaluation.metrics.mesh_errors import MeshErrors
from whmr.evaluation.metrics.per_sample import PerSampleMetric, Record, put
from whmr.evaluation.metrics.samples import Sample, describe, find, has_label, stack
from whmr.keypoints import NUM_OPENPOSE_JOINTS, SPIN24_TO_J14, SPIN24_TO_J17
from whmr.registry import METRICS

_SPIN24_TABLES = {'j14': SPIN24_TO_J14, 'j17': SPIN24_TO_J17}
_NO_MESH = (
    'has_smpl promises a mesh; the data preprocessor writes it into the samples when the model is '
    'in evaluation mode'
)
_NO_PREDICTION = 'the model must write it in predict mode'


@METRICS.register_module()
class CameraSpaceMetric(PerSampleMetric):
    """MPJPE, PA-MPJPE and PVE in the camera frame, and the errors of the full-image camera.

    - `MPJPE`, `PA-MPJPE` (mm): joints regressed from the vertices, pelvis-centred;
      `MPJPE (un-aligned)`: as they lie, where both sides are meshes.
    - `PVE` (mm): vertices without alignment; `PVE (pelvis)`: both sides centred on the H36M pelvis.
    - `2D error (px)`: the labelled ones of the 24 annotated joints in the full image;
      `2D error (% of box)`: the same as a share of the longer side of the tight person box.
    - `focal error (%)`: relative, where the true focal length is known.

    Paper Sec. 4.2. See `PerSampleMetric` for missing labels and invalid predictions.

    Args:
        body_model: The body whose regressors are used, or its config.
        joint_set: `j14` (the usual), `j17` (MPI-INF-3DHP) or `smpl24` (AGORA).
        target: What joints are compared with: `vertices` = joints regressed from the labelled mesh;
            `keypoints_3d` = annotated joints, pelvis-relative as they are (Human3.6M,
            MPI-INF-3DHP); a sample then counts if all joints of the set are annotated.
        dump_path: See `PerSampleMetric`.
        summary_path: See `PerSampleMetric`.
        collect_device: See `PerSampleMetric`.
        prefix: Default `camera`.
        collect_dir: See `PerSampleMetric`.

    Raises:
        ValueError: An unknown joint set or target, or two that do not go together.
    """

    default_prefix = 'camera'
    columns = (
        'MPJPE',
        'MPJPE (un-aligned)',
        'PA-MPJPE',
        'PVE',
        'PVE (pelvis)',
        '2D error (px)',
        '2D error (% of box)',
        'focal error (%)',
    )

    def __init__(
        self,
        body_model: BodyModel | Mapping[str, Any],
        joint_set: str = 'j14',
        *,
        target: str = 'vertices',
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
        if target not in ('vertices', 'keypoints_3d'):
            raise ValueError(f'target: must be vertices or keypoints_3d, got {target!r}')
        if target == 'keypoints_3d' and joint_set not in _SPIN24_TABLES:
            raise ValueError(f'joint_set: target keypoints_3d needs j14 or j17, got {joint_set!r}')
        self.mesh = MeshErrors(body_model, joint_set)
        self.target = target

    @property
    def settings(self) -> Mapping[str, str]:
        """Joint set and target."""
        return {'joints': self.mesh.joint_set, 'target': self.target}

    def measure(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        """Errors of one batch; see the class.

        Args:
            samples: Data samples as nested dicts.
            records: An empty record per sample, to be filled.

        Raises:
            ValueError: A sample lacks a field that its flags promise, or is of another body.
        """
        self._measure_mesh(samples, records)
        if self.target == 'keypoints_3d':
            self._measure_annotated_joints(samples, records)
        self._measure_2d(samples, records)
        self._measure_focal(samples, records)

    def _measure_mesh(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        index = [i for i, s in enumerate(samples) if has_label(s, 'gt_instances', 'has_smpl')]
        if not index:
            return
        labelled = [samples[i] for i in index]
        for sample in labelled:
            self.mesh.check_topology(sample, f'the label of {describe(sample)}')
        target = stack(labelled, 'gt_instances', 'vertices', _NO_MESH)
        pred = stack(labelled, 'pred_instances', 'vertices', _NO_PREDICTION)
        errors = self.mesh.vertex_errors(pred, target)
        if self.target == 'vertices':
            errors |= self.mesh.mesh_joint_errors(pred, target)
        for name, values in errors.items():
            put(records, index, name, values)

    def _measure_annotated_joints(
        self, samples: Sequence[Sample], records: Sequence[Record]
    ) -> None:
        table = [NUM_OPENPOSE_JOINTS + i for i in _SPIN24_TABLES[self.mesh.joint_set]]
        index = []
        for i, sample in enumerate(samples):
            if has_label(sample, 'gt_instances', 'has_keypoints_3d'):
                conf = find(sample, 'gt_instances', 'keypoints_3d_conf')
                if conf is None or bool((conf[:, table] > 0).all()):
                    index.append(i)
        if not index:
            return
        labelled = [samples[i] for i in index]
        hint = 'has_keypoints_3d promises it'
        target = stack(labelled, 'gt_instances', 'keypoints_3d', hint)[:, table]
        pred = self.mesh.joints(stack(labelled, 'pred_instances', 'vertices', _NO_PREDICTION))
        for name, values in self.mesh.joint_errors(pred, target).items():
            put(records, index, name, values)

    def _measure_2d(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        annotated = slice(NUM_OPENPOSE_JOINTS, None)
        index = []
        for i, sample in enumerate(samples):
            conf = find(sample, 'gt_instances', 'keypoints_2d_conf')
            pred = find(sample, 'pred_instances', 'keypoints_2d')
            if conf is not None and pred is not None and bool((conf[:, annotated] > 0).any()):
                index.append(i)
        if not index:
            return
        labelled = [samples[i] for i in index]
        hint = 'keypoints_2d_conf promises it'
        target, conf = (
            stack(labelled, 'gt_instances', field, hint)[:, annotated]
            for field in ('keypoints_2d', 'keypoints_2d_conf')
        )
        pred = stack(labelled, 'pred_instances', 'keypoints_2d', hint)[:, annotated]
        errors = keypoint_error_2d(pred, target, conf)
        put(records, index, '2D error (px)', errors)
        if all(find(sample, 'gt_instances', 'bboxes') is not None for sample in labelled):
            boxes = stack(labelled, 'gt_instances', 'bboxes', hint)
            sides = (boxes[:, 2:] - boxes[:, :2]).amax(1)
            put(records, index, '2D error (% of box)', 100 * errors / sides)

    def _measure_focal(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        index = [
            i
            for i, sample in enumerate(samples)
            if has_label(sample, 'gt_camera', 'has_focal_length')
            and find(sample, 'pred_instances', 'focal_length') is not None
        ]
        if not index:
            return
        labelled = [samples[i] for i in index]
        hint = 'has_focal_length promises it'
        target = stack(labelled, 'gt_camera', 'intrinsics', hint)[:, 0, 0]
        pred = stack(labelled, 'pred_instances', 'focal_length', hint)
        put(records, index, 'focal error (%)', 100 * relative_focal_error(pred, target))
