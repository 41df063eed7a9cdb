"""A benchmark's protocol as one evaluator."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.structures import BaseDataElement

from whmr.body_models import BodyModel
from whmr.evaluation.metrics.camera_metric import CAMERA_COLUMNS
from whmr.evaluation.metrics.camera_space_metric import CameraSpaceMetric
from whmr.evaluation.metrics.per_sample import PerSampleMetric, Record
from whmr.evaluation.metrics.samples import Sample, as_sample
from whmr.evaluation.metrics.world_space_metric import WorldSpaceMetric, check_rotation_source
from whmr.evaluation.protocols import PROTOCOLS
from whmr.registry import METRICS


@METRICS.register_module()
class ProtocolMetric(PerSampleMetric):
    """A row of `whmr.evaluation.PROTOCOLS`: its joints, alignment, ground truth and columns.

    The table's title and the summary say which joints, alignment, ground truth and camera rotation
    the numbers come from, and of which genders the labelled bodies were. AGORA, where people must
    be matched first, has a metric of its own: `AgoraMetric`. See `PerSampleMetric` for missing
    labels and invalid predictions.

    Args:
        protocol: Name of the protocol, such as `3dpw`.
        body_model: The body whose regressors are used, or its config.
        rotation_source: (world) Which camera rotation the model was given: `predicted` by the
            camera calibrator, `known` = the data set's own, `none` = identity. Camera-space errors
            use no camera rotation.
        dump_path: See `PerSampleMetric`.
        summary_path: See `PerSampleMetric`.
        collect_device: See `PerSampleMetric`.
        prefix: Default: the protocol's name.
        collect_dir: See `PerSampleMetric`.

    Raises:
        ValueError: An unknown protocol or rotation source, or a rotation source for camera space.
    """

    def __init__(
        self,
        protocol: str,
        body_model: BodyModel | Mapping[str, Any],
        *,
        rotation_source: str | None = None,
        dump_path: str | None = None,
        summary_path: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise ValueError(f'protocol: must be one of {", ".join(PROTOCOLS)}, got {protocol!r}')
        super().__init__(
            dump_path=dump_path,
            summary_path=summary_path,
            collect_device=collect_device,
            prefix=protocol if prefix is None else prefix,
            collect_dir=collect_dir,
        )
        self.protocol = PROTOCOLS[protocol]
        self.columns = tuple(column.name for column in self.protocol.columns)
        self.inner: PerSampleMetric
        joint_set = self.protocol.joint_set
        if self.protocol.frame == 'world':
            self.rotation_source = rotation_source or 'predicted'
            self.inner = WorldSpaceMetric(
                body_model=body_model,
                joint_set=joint_set,
                rotation_source=self.rotation_source,
            )
        elif rotation_source not in (None, 'none'):
            raise ValueError(
                f'rotation_source: {protocol} is evaluated in camera space, which knows no camera '
                f'rotation; leave it out, got {rotation_source!r}'
            )
        else:
            self.rotation_source = 'none'
            self.inner = CameraSpaceMetric(
                body_model=body_model, joint_set=joint_set, target=self.protocol.target
            )
        self._genders: Counter[str] = Counter()

    @property
    def settings(self) -> Mapping[str, str]:
        """Protocol, joints, alignment, ground truth, genders of the labels, camera rotation."""
        genders = ', '.join(f'{count} {name}' for name, count in sorted(self._genders.items()))
        return {
            'protocol': self.protocol.title,
            'frame': self.protocol.frame,
            'joints': self.protocol.joints,
            'alignment': self.protocol.alignment,
            'ground truth': self.protocol.ground_truth + (f' ({genders})' if genders else ''),
            'camera rotation': self.rotation_source,
        }

    def process(
        self, data_batch: Any, data_samples: Sequence[BaseDataElement | Mapping[str, Any]]
    ) -> None:
        """Measure one batch and note the gender of each labelled body.

        Args:
            data_batch: Unused.
            data_samples: Data samples with predictions, or their `to_dict()`.

        Raises:
            ValueError: A sample lacks a field that its flags promise.
        """
        samples = [as_sample(sample) for sample in data_samples]
        before = len(self.results)
        super().process(data_batch, samples)
        for row, sample in zip(self.results[before:], samples, strict=True):
            meshed = bool(row['errors']) and self.protocol.target == 'vertices'
            row['gender'] = str(sample.get('gender', 'neutral')) if meshed else ''

    def measure(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        """Errors of one batch, under the names of the protocol's columns.

        Args:
            samples: Data samples as nested dicts.
            records: An empty record per sample, to be filled.

        Raises:
            ValueError: A sample lacks a field that its flags promise, or is of another body.
        """
        measured: list[Record] = [{} for _ in samples]
        self.inner.measure(samples, measured)
        for sample, errors, record in zip(samples, measured, records, strict=True):
            path = str(sample.get('img_path', ''))
            for column in self.protocol.columns:
                if column.error in errors and column.only in path:
                    record[column.name] = errors[column.error]

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """As `PerSampleMetric`; warns where the labels are not those that the protocol asks for.

        Args:
            results: Records of all samples of all processes.

        Raises:
            ValueError: No sample has any label that this protocol needs.
        """
        self._genders = Counter(row['gender'] for row in results if row['gender'])
        metrics = super().compute_metrics(results)
        if self.protocol.frame == 'world':
            check_rotation_source(self.rotation_source, metrics.get(CAMERA_COLUMNS[0]))
        if self.protocol.gendered and self._genders['neutral']:
            self._warn(
                f'{self._genders["neutral"]} of {self._genders.total()} labels are neutral bodies; '
                'this protocol compares with male and female ones: convert the data set with its '
                'genders and give the data preprocessor gendered_body_models, or the numbers are '
                'not comparable'
            )
        for column in self.protocol.columns:
            if column.only and column.name not in metrics:
                self._warn(f'{column.name}: no image path holds {column.only!r}, left out')
        return metrics

    def _warn(self, text: str) -> None:
        print_log(f'{self.protocol.name}: {text}', logger='current', level=logging.WARNING)
