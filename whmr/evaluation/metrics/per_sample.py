"""What all our metrics share: small records per sample, averages, table, files."""

import logging
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement

from whmr.evaluation.metrics.samples import Sample, as_sample
from whmr.evaluation.reports import DUMP_SUFFIXES, format_table, write_dump, write_summary

Record = dict[str, float]


class PerSampleMetric(BaseMetric):
    """A metric that keeps a few numbers for each sample and averages them in the end.

    One record is kept per sample, also for one without labels, in the order of processing: MMEngine
    can so drop the samples that pad a distributed run. A sample whose prediction is not finite
    counts as `num_invalid`: it is left out of every average, and the log says so. Where all are
    invalid the averages are NaN.

    Args:
        dump_path: `.csv` or `.npz` file for the errors of every sample.
        summary_path: `.json` file for the averages, their counts and the settings.
        collect_device: Where MMEngine gathers results of a distributed run, `cpu` or `gpu`.
        prefix: Replaces the class's own prefix of the result names.
        collect_dir: Folder for gathering on the CPU.

    Raises:
        ValueError: A file name ends otherwise.
    """

    # Names of the errors, in the order of the table's columns.
    columns: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        dump_path: str | None = None,
        summary_path: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        self.dump_path = _path(dump_path, 'dump_path', DUMP_SUFFIXES)
        self.summary_path = _path(summary_path, 'summary_path', ('.json',))

    @abstractmethod
    def measure(self, samples: Sequence[Sample], records: Sequence[Record]) -> None:
        """Put the errors of each sample into its record; a name is absent where there is no label.

        Args:
            samples: Data samples as nested dicts.
            records: An empty record per sample, to be filled.
        """

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """What the table's title and the summary say of how the numbers came about."""

    def process(
        self, data_batch: Any, data_samples: Sequence[BaseDataElement | Mapping[str, Any]]
    ) -> None:
        """Measure one batch.

        Args:
            data_batch: Unused: labels and predictions are both in the samples.
            data_samples: Data samples with predictions, or their `to_dict()`.

        Raises:
            ValueError: A sample lacks a field that its flags promise.
        """
        samples = [as_sample(sample) for sample in data_samples]
        records: list[Record] = [{} for _ in samples]
        with torch.no_grad():
            self.measure(samples, records)
        for sample, record in zip(samples, records):
            self.results.append(
                {
                    'sample_idx': int(sample.get('sample_idx', -1)),
                    'img_id': str(sample.get('img_id', '')),
                    'dataset': str(sample.get('dataset', '')),
                    'invalid': not all(math.isfinite(error) for error in record.values()),
                    'errors': record,
                }
            )

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Average over the samples, log the table, write the files.

        Args:
            results: Records of all samples of all processes.

        Raises:
            ValueError: No sample has any label that this metric needs.
        """
        name = type(self).__name__
        labelled = [
            column for column in self.columns if any(column in r['errors'] for r in results)
        ]
        if not labelled:
            raise ValueError(
                f'{name}: none of {len(results)} samples has a label for any of '
                f'{", ".join(self.columns)}'
            )
        valid = [row['errors'] for row in results if not row['invalid']]
        num_invalid = len(results) - len(valid)
        values, counts = {}, {}
        for column in labelled:
            errors = [record[column] for record in valid if column in record]
            counts[column] = len(errors)
            values[column] = math.fsum(errors) / len(errors) if errors else math.nan

        settings = ', '.join(f'{key}: {value}' for key, value in self.settings.items())
        title = (
            f'{name} ({settings}; mm where no unit is said; {len(results)} samples, '
            f'{num_invalid} invalid)'
        )
        print_log('\n' + format_table(title, values, counts), logger='current')
        if num_invalid:
            worst = next(row for row in results if row['invalid'])
            print_log(
                f'{name}: predictions of {num_invalid} of {len(results)} samples are not finite '
                f'and are left out of the averages, first sample_idx {worst["sample_idx"]} '
                f'(img_id {worst["img_id"]})',
                logger='current',
                level=logging.WARNING,
            )
        if self.dump_path:
            write_dump(self.dump_path, results, labelled)
        if self.summary_path:
            summary = {
                'metric': name,
                'settings': dict(self.settings),
                'num_samples': len(results),
                'num_invalid': num_invalid,
                'results': {c: {'mean': values[c], 'count': counts[c]} for c in labelled},
            }
            write_summary(self.summary_path, summary)
        return {**values, 'num_samples': len(results), 'num_invalid': num_invalid}


def put(records: Sequence[Record], indices: Sequence[int], name: str, errors: torch.Tensor) -> None:
    """Write a batch of errors into the records of its samples.

    Args:
        records: Records of all samples.
        indices: Which of them the errors belong to.
        name: Name of the error.
        errors: The errors.

    Shapes: N indices.
        errors: (N,).
    """
    for index, error in zip(indices, errors.tolist(), strict=True):
        records[index][name] = error


def _path(value: str | None, argument: str, suffixes: tuple[str, ...]) -> Path | None:
    if value is None:
        return None
    path = Path(value)
    if path.suffix not in suffixes:
        raise ValueError(f'{argument}: {value} must end in {" or ".join(suffixes)}')
    return path
