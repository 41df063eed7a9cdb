"""AGORA's benchmark, computed locally."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement
from torch import Tensor

from whmr.body_models import BodyModel
from whmr.evaluation.agora_submission import write_submission
from whmr.evaluation.matching import Matches, detection_scores, match_people
from whmr.evaluation.metrics.mesh_errors import MILLIMETRES
from whmr.evaluation.metrics.samples import Sample, as_sample, describe, find, has_label, stack
from whmr.evaluation.reports import format_table, write_summary
from whmr.registry import BODY_MODELS, METRICS, build_child

NUM_JOINTS = 24
BOX_SOURCES = ('labelled', 'detected')
_STEP = 1e-4  # m: meshes are kept as 16-bit numbers of this size
_HINT = 'the model must write it in predict mode'


@METRICS.register_module()
class AgoraMetric(BaseMetric):
    """F1, precision, recall, MPJPE, MVE, NMJE and NMVE by AGORA's rules, and its submission file.

    Predictions and people of one photo (one `img_path`) are matched by their projected joints
    (`match_people`). MPJPE is over the 24 joints of the body model, MVE over its
    vertices, both with the pelvis joint aligned and averaged over the matched pairs; NMJE and NMVE
    are these divided by F1. A person whose label has no mesh counts in F1 alone.

    After the public description of the benchmark (Patel et al., CVPR 2021, and the documentation of
    its evaluation code); local figures replace the benchmark's server only as far as that goes.

    Args:
        body_model: The body that predictions and labels are made with, or its config.
        boxes: `labelled`: the boxes of the labelled people were used, each sample is a prediction
            and a person. `detected`: the samples without body labels are detections, those with
            labels are only the people to be found (put both files into the test set).
        score_threshold: Predictions whose box has a lower score are left out.
        vertex_ids: `.npy` file with the vertices that MVE counts, such as the benchmark's list of
            body vertices; None = all.
        submission_path: `.zip` file to write for the benchmark's server.
        submission_height: Height of the photos, px, that the server's 2D joints are counted in.
        summary_path: `.json` file for the results and the settings.
        collect_device: Where MMEngine gathers results of a distributed run, `cpu` or `gpu`.
        prefix: Default `agora`.
        collect_dir: Folder for gathering on the CPU.

    Raises:
        ValueError: An argument is out of its range, or a file name ends otherwise.
        FileNotFoundError: There is no such file of vertices.
    """

    default_prefix = 'agora'

    def __init__(
        self,
        body_model: BodyModel | Mapping[str, Any],
        boxes: str = 'labelled',
        *,
        score_threshold: float = 0.75,
        vertex_ids: str | None = None,
        submission_path: str | None = None,
        submission_height: int = 2160,
        summary_path: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix, collect_dir)
        if boxes not in BOX_SOURCES:
            raise ValueError(f'boxes: must be one of {", ".join(BOX_SOURCES)}, got {boxes!r}')
        for name, value, ending in (
            ('submission_path', submission_path, '.zip'),
            ('summary_path', summary_path, '.json'),
            ('vertex_ids', vertex_ids, '.npy'),
        ):
            if value is not None and Path(value).suffix != ending:
                raise ValueError(f'{name}: {value} must end in {ending}')
        self.body_model: BodyModel = build_child(BODY_MODELS, body_model)
        self.boxes = boxes
        self.score_threshold = score_threshold
        self.vertex_ids = None
        if vertex_ids is not None:
            self.vertex_ids = np.load(vertex_ids, allow_pickle=False).astype(np.int64)
        self.submission_path = None if submission_path is None else Path(submission_path)
        self.submission_height = submission_height
        self.summary_path = None if summary_path is None else Path(summary_path)

    @property
    def settings(self) -> Mapping[str, str]:
        """What the table's title and the summary say of how the numbers came about."""
        vertices = 'all' if self.vertex_ids is None else str(len(self.vertex_ids))
        return {
            'protocol': 'AGORA, computed locally',
            'frame': 'camera',
            'joints': f'smpl{NUM_JOINTS} of the body model; MVE over {vertices} vertices',
            'alignment': 'MPJPE pelvis joint, MVE pelvis joint',
            'ground truth': 'mesh as labelled',
            'camera rotation': 'none',
            'boxes': f'{self.boxes}, score at least {self.score_threshold:g}',
        }

    def process(
        self, data_batch: Any, data_samples: Sequence[BaseDataElement | Mapping[str, Any]]
    ) -> None:
        """Keep the joints and meshes of one batch.

        Args:
            data_batch: Unused.
            data_samples: Data samples with predictions, or their `to_dict()`.

        Raises:
            ValueError: A sample lacks a prediction, or its label is of another body.
        """
        with torch.no_grad():
            for data_sample in data_samples:
                sample = as_sample(data_sample)
                self.results.append(
                    {
                        'sample_idx': int(sample.get('sample_idx', -1)),
                        'image': str(sample.get('img_path', sample.get('img_id', ''))),
                        'height': int(sample['ori_shape'][0]),
                        'prediction': self._prediction(sample),
                        'person': self._person(sample),
                    }
                )

    def compute_metrics(self, results: list[dict[str, Any]]) -> dict[str, float]:
        """Match, average, log the table, write the files.

        Args:
            results: What `process` kept, of all processes.

        Raises:
            ValueError: There is no labelled person.
        """
        images: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in results:
            images[row['image']].append(row)
        if self.submission_path is not None:
            people = [
                (image, row['height'], row['prediction']['submission'])
                for image, rows in images.items()
                for row in rows
                if row['prediction'] is not None
            ]
            write_submission(self.submission_path, people, height=self.submission_height)
        counts = dict.fromkeys(('matches', 'false positives', 'false negatives', 'invalid'), 0)
        errors: dict[str, list[float]] = {'MPJPE': [], 'MVE': []}
        for rows in images.values():
            self._score_image(rows, counts, errors)
        if not counts['matches'] + counts['false negatives']:
            raise ValueError(
                f'AgoraMetric: none of {len(results)} samples has a labelled person; on the test '
                'set, whose labels are not public, use submission_path and the server'
            )
        scores = detection_scores(*(counts[k] for k in list(counts)[:3]))
        values = dict(zip(('F1', 'precision', 'recall'), scores, strict=True))
        for name, normalised in (('MPJPE', 'NMJE'), ('MVE', 'NMVE')):
            mean = float(np.mean(errors[name])) if errors[name] else float('nan')
            values[name] = mean
            values[normalised] = mean / values['F1'] if values['F1'] else float('nan')
        self._report(values, counts, len(errors['MVE']), len(results), len(images))
        return values | {f'num_{key.replace(" ", "_")}': n for key, n in counts.items()}

    def _score_image(
        self,
        rows: Sequence[Mapping[str, Any]],
        counts: dict[str, int],
        errors: dict[str, list[float]],
    ) -> None:
        """Add one photo's matches and errors."""
        predictions = [row['prediction'] for row in rows if row['prediction'] is not None]
        people = [row['person'] for row in rows if row['person'] is not None]
        shape = (0, NUM_JOINTS + 49, 2)
        matches: Matches = match_people(
            np.stack([p['joints_2d'] for p in predictions]) if predictions else np.zeros(shape),
            np.stack([p['joints_2d'] for p in people]) if people else np.zeros(shape),
            np.stack([p['conf'] for p in people]) if people else np.zeros(shape[:2]),
            valid=np.array([p['valid'] for p in people], bool),
        )
        counts['matches'] += len(matches.pairs)
        counts['false positives'] += len(matches.false_positives)
        counts['false negatives'] += len(matches.false_negatives)
        for guess, person in matches.pairs.tolist():
            pred, target = predictions[guess]['mesh'], people[person]['mesh']
            if target is None:
                continue
            if pred is None:
                counts['invalid'] += 1
                continue
            for name, a, b in zip(errors, pred, target, strict=True):
                distance = np.linalg.norm((a.astype(np.float64) - b) * _STEP, axis=-1)
                errors[name].append(MILLIMETRES * float(distance.mean()))

    def _prediction(self, sample: Sample) -> dict[str, Any] | None:
        """What is kept of a prediction; None for a sample that is no detection."""
        score = find(sample, 'gt_instances', 'bbox_scores')
        if score is not None and float(score[0]) < self.score_threshold:
            return None
        if self.boxes == 'detected' and _is_person(sample):
            return None
        vertices, cam_t, keypoints, intrinsics = (
            stack([sample], container, field, _HINT)
            for container, field in (
                ('pred_instances', 'vertices'),
                ('pred_instances', 'cam_t'),
                ('pred_instances', 'keypoints_2d'),
                ('pred_camera', 'intrinsics'),
            )
        )
        joints = self.body_model.joints_from_vertices(vertices)[:, :NUM_JOINTS]
        projected = _project(joints + cam_t[:, None], intrinsics)
        submission = None
        if self.submission_path is not None:
            submission = {
                name: stack([sample], 'pred_instances', name, _HINT).numpy()
                for name in ('betas', 'global_orient', 'body_pose')
            }
            submission |= {'transl': cam_t.numpy(), 'joints': projected[0].numpy()}
        return {
            'joints_2d': torch.cat([keypoints, projected], 1)[0].numpy(),
            'mesh': self._packed(joints, vertices),
            'submission': submission,
        }

    def _person(self, sample: Sample) -> dict[str, Any] | None:
        """What is kept of a labelled person; None for a sample without body label."""
        if not _is_person(sample):
            return None
        hint = 'the flags of the label promise it'
        keypoints, conf = (
            stack([sample], 'gt_instances', name, hint)
            for name in ('keypoints_2d', 'keypoints_2d_conf')
        )
        valid = bool((conf > 0).any())
        projected, has_24, mesh = keypoints.new_zeros(1, NUM_JOINTS, 2), False, None
        if has_label(sample, 'gt_instances', 'has_smpl'):
            if sample.get('topology'):
                what = f'the label of {describe(sample)}'
                self.body_model.check_topology(sample['topology'], what)
            vertices = stack([sample], 'gt_instances', 'vertices', hint)
            joints = self.body_model.joints_from_vertices(vertices)[:, :NUM_JOINTS]
            mesh = self._packed(joints, vertices)
            has_24 = has_label(sample, 'gt_instances', 'has_cam_t') and has_label(
                sample, 'gt_camera', 'has_focal_length'
            )
            if has_24:
                cam_t = stack([sample], 'gt_instances', 'cam_t', hint)
                intrinsics = stack([sample], 'gt_camera', 'intrinsics', hint)
                projected = _project(joints + cam_t[:, None], intrinsics)
        # With the 24 joints of the body model the annotated ones are not needed.
        conf = torch.cat([conf * (not has_24), torch.full((1, NUM_JOINTS), float(has_24))], 1)
        return {
            'joints_2d': torch.cat([keypoints, projected], 1)[0].numpy(),
            'conf': conf[0].numpy(),
            'valid': valid,
            'mesh': mesh,
        }

    def _packed(self, joints: Tensor, vertices: Tensor) -> tuple[np.ndarray, np.ndarray] | None:
        """Joints and vertices about the pelvis joint, in steps of 0.1 mm; None if not finite."""
        packed = []
        if self.vertex_ids is not None:
            vertices = vertices[:, self.vertex_ids]
        for points in (joints, vertices):
            steps = ((points - joints[:, :1])[0] / _STEP).round()
            if not bool(steps.isfinite().all()):
                return None
            fits = bool(steps.abs().max() < 2**15)
            packed.append(steps.numpy().astype(np.int16 if fits else np.int64))
        return packed[0], packed[1]

    def _report(
        self,
        values: Mapping[str, float],
        counts: Mapping[str, int],
        num_meshes: int,
        num_samples: int,
        num_images: int,
    ) -> None:
        """Log the table and write the summary."""
        settings = ', '.join(f'{key}: {value}' for key, value in self.settings.items())
        people = counts['matches'] + counts['false negatives']
        found = counts['matches'] + counts['false positives']
        samples = {'F1': people, 'precision': found, 'recall': people}
        samples = {name: samples.get(name, num_meshes) for name in values}
        title = (
            f'AgoraMetric ({settings}; mm where no unit is said; {num_samples} samples of '
            f'{num_images} images, {counts["invalid"]} invalid)'
        )
        table = format_table(title, values, samples)
        print_log(f'\n{table}', logger='current')
        if counts['invalid']:
            print_log(
                f'AgoraMetric: {counts["invalid"]} matched predictions are not finite and are left '
                'out of the errors',
                logger='current',
                level=logging.WARNING,
            )
        if self.summary_path is not None:
            summary = {
                'metric': 'AgoraMetric',
                'settings': dict(self.settings),
                'num_samples': num_samples,
                'num_images': num_images,
                **{f'num_{key.replace(" ", "_")}': count for key, count in counts.items()},
                'results': {n: {'mean': values[n], 'count': samples[n]} for n in values},
            }
            write_summary(self.summary_path, summary)


def _is_person(sample: Sample) -> bool:
    """Whether a sample has a body label: a mesh, or labelled keypoints."""
    conf = find(sample, 'gt_instances', 'keypoints_2d_conf')
    labelled = conf is not None and bool((conf > 0).any())
    return labelled or has_label(sample, 'gt_instances', 'has_smpl')


def _project(points: Tensor, intrinsics: Tensor) -> Tensor:
    """(1, K, 3) m, camera axes -> (1, K, 2) full px."""
    image = points @ intrinsics.mT
    return image[..., :2] / image[..., 2:]
