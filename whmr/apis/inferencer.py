"""From photos to people in camera and world space."""

import copy
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine import Config
from mmengine.logging import print_log
from mmengine.registry import DefaultScope
from mmengine.utils import ProgressBar

from whmr.apis.collect import collect_result
from whmr.apis.detectors import PersonDetector
from whmr.apis.hmr_result import HMRResult
from whmr.apis.image_source import ImageInput, ImageSource, SourceImage
from whmr.apis.known_camera import find_camera, find_entry, is_per_photo, unmatched_entries
from whmr.apis.photo_batches import Photo, PhotoPipeline, group_photos, predict_group
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import write_result
from whmr.datasets import BadSampleError
from whmr.engine import ConfigError, load_weights
from whmr.engine.config import load_config
from whmr.models.estimators import WorldHMR
from whmr.registry import DETECTORS, MODELS, SCOPE, build_child

DETECTOR_NAMES: Mapping[str, str] = {
    'onnx': 'OnnxPersonDetector',
    'torchvision': 'TorchvisionDetector',
    'whole': 'WholeImageDetector',
}


class HMRInferencer:
    """Finds people in photos, estimates them, and writes parameters, meshes and pictures.

    A photo's people are cropped by the test pipeline of the config; the camera calibrator sees the
    whole photo once.

    Args:
        config: A config file, or a loaded config.
        checkpoint: The weights; None takes the config's `load_from`.
        device: Where to compute; 'auto' takes an accelerator where there is one.
        detector: 'onnx', 'torchvision', 'whole' (the whole photo is one person), a config of
            `DETECTORS`, a built detector, or None: boxes must be given then.
        score_threshold: Boxes with a lower score are dropped; None leaves it to the detector.
        batch_size: Most people in one forward pass.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another model.
        ConfigError: If the config cannot be used for inference.
        FileNotFoundError: If there is no such config, checkpoint or body model file.
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        config: str | Path | Config,
        checkpoint: str | Path | None = None,
        *,
        device: str = 'auto',
        detector: str | Mapping[str, Any] | PersonDetector | None = 'onnx',
        score_threshold: float | None = None,
        batch_size: int = 16,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: must be 1 or more')
        if score_threshold is not None and not 0 <= score_threshold <= 1:
            raise ValueError(f'score_threshold={score_threshold} is outside [0, 1]')
        cfg = config if isinstance(config, Config) else load_config(config)
        self.device = _device(device)
        self.batch_size = batch_size
        self.score_threshold = score_threshold
        with DefaultScope.overwrite_default_scope(SCOPE):
            self.pipeline = PhotoPipeline(_test_pipeline(cfg))
            self.estimator = _build_estimator(cfg, checkpoint).to(self.device).eval()
        self._detector: Any = _detector_config(detector, score_threshold)

    def __call__(
        self,
        inputs: ImageInput | Sequence[ImageInput],
        *,
        boxes: np.ndarray | Mapping[str, np.ndarray] | None = None,
        camera: Mapping[str, Any] | None = None,
        out_dir: str | Path | None = None,
        every: int = 1,
        pictures: bool = True,
        meshes: bool = True,
        on_ground: bool = False,
        keep_results: bool | None = None,
        progress: bool = True,
    ) -> InferenceReport:
        """Estimate the people of every photo.

        A photo that cannot be read, estimated or written is skipped and listed in the report; the
        others go on. Nobody in a photo is no failure.

        Args:
            inputs: A picture, video, folder, (H, W, 3) uint8 BGR array, or a sequence of these.
            boxes: Person boxes instead of the detector's: for all photos, or photo -> boxes (those
                that are not named are left to the detector).
            camera: What is known of the cameras, see `find_camera`.
            out_dir: Where files are written, see `write_result`; None writes nothing.
            every: Of a video, take every so many frames.
            pictures: Whether to draw pictures.
            meshes: Whether to write meshes.
            on_ground: Drop each person to the floor of the world picture.
            keep_results: Keep the records in the report; None keeps them if nothing is written.
            progress: Show a progress bar.

        Shapes: N people.
            boxes: (N, 4) xyxy full px.

        Raises:
            FileNotFoundError: If there is no input.
            OSError: If `out_dir` cannot be made.
            ValueError: If an argument is wrong.
        """
        source = ImageSource(inputs, every=every)
        folder = None if out_dir is None else Path(out_dir)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        keep = folder is None if keep_results is None else keep_results
        report = InferenceReport()
        names: list[str] = []
        bar = ProgressBar(len(source), file=sys.stderr) if progress else None
        for photo, result in self.iterate(source, boxes=boxes, camera=camera):
            names.append(photo.name)
            problems = list(photo.problems)
            if result is not None and folder is not None:
                try:
                    write_result(
                        folder,
                        photo.stem,
                        result,
                        photo.image,
                        pictures=pictures,
                        meshes=meshes,
                        on_ground=on_ground,
                    )
                except OSError as error:
                    problems.append(error.strerror or str(error))
                    result = None
            report.failures += [Failure(photo.name, problem) for problem in problems]
            if result is not None:
                report.num_images += 1
                report.num_people += len(result)
                report.num_empty += len(result) == 0
                if keep:
                    report.results.append(result)
            if bar is not None:
                bar.update()
        for what, value in (('boxes', boxes), ('camera', camera)):
            for key in unmatched_entries(value, names):
                report.failures.append(Failure(key, f'{what} given, but no photo has this name'))
        return report

    def iterate(
        self,
        source: Iterable[SourceImage],
        *,
        boxes: np.ndarray | Mapping[str, np.ndarray] | None = None,
        camera: Mapping[str, Any] | None = None,
    ) -> Iterator[tuple[Photo, HMRResult | None]]:
        """Photo by photo: what `__call__` works with, for those who do their own thing with it.

        Args:
            source: The pictures, such as an `ImageSource`.
            boxes: See `__call__`.
            camera: See `__call__`.

        Returns:
            Each photo with its record, or with None and the reason in `photo.problems`.
        """
        photos = (self._prepare(item, boxes, camera) for item in source)
        for group in group_photos(photos, self.batch_size):
            predicted = predict_group(self.estimator, group, self.batch_size)
            for photo, samples in zip(group, predicted, strict=True):
                photo.samples = []
                yield photo, self._collect(photo, samples)

    def _prepare(
        self,
        item: SourceImage,
        boxes: np.ndarray | Mapping[str, np.ndarray] | None,
        camera: Mapping[str, Any] | None,
    ) -> Photo:
        """Find the people of a photo and crop them."""
        if item.image is None:
            return Photo(item.name, item.stem, problems=[str(item.error)])
        photo = Photo(item.name, item.stem, item.image)
        shape = item.image.shape[:2]
        given = find_entry(boxes, item.name)
        try:
            known = find_camera(camera, item.name, shape)
            if given is None:
                photo.boxes, photo.scores = self._detect(item.image)
            else:
                photo.boxes, photo.problems = _usable_boxes(given, shape, is_per_photo(boxes))
                photo.scores = np.ones(len(photo.boxes), dtype=np.float32)
        except BadSampleError as error:
            photo.problems.append(str(error))
        if photo.problems and not len(photo.boxes):
            photo.image = None
            return photo
        photo.samples = self.pipeline.pack(photo, known)
        return photo

    def _detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._detector is None:
            raise ValueError(
                "no person boxes and no detector: give boxes, or detector='onnx' (or 'whole')"
            )
        if not isinstance(self._detector, PersonDetector):
            self._detector = build_child(DETECTORS, self._detector)
        boxes, scores = self._detector.detect(image)
        sure = scores >= (self.score_threshold or 0)
        return boxes[sure], scores[sure]

    def _collect(self, photo: Photo, samples: list) -> HMRResult | None:
        if photo.image is None:
            return None
        try:
            return collect_result(
                photo.name,
                photo.image.shape[:2],
                boxes=photo.boxes,
                scores=photo.scores,
                samples=samples,
                body_model=self.estimator.body_model,
            )
        except ArithmeticError as error:
            photo.problems.append(str(error))
            return None


def check_boxes(boxes: np.ndarray, image_shape: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """Given boxes that can be used, and what is wrong with the others.

    Shapes: boxes: (N, 4) xyxy full px.  image_shape: (H, W).  returns: (M, 4) float32, M <= N.

    Raises:
        ValueError: If `boxes` has another shape.
    """
    try:
        boxes = np.asarray(boxes, dtype=np.float32)
    except (TypeError, ValueError):
        raise ValueError(f'boxes must be numbers of the shape (N, 4), got {boxes!r}') from None
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'boxes must have the shape (N, 4), got {boxes.shape}')
    height, width = image_shape
    good, problems = [], []
    for index, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
        text = f'box {index} ({x1:g}, {y1:g}, {x2:g}, {y2:g})'
        if not np.isfinite([x1, y1, x2, y2]).all():
            problems.append(f'{text} is not finite')
        elif x2 <= x1 or y2 <= y1:
            problems.append(f'{text} has no area; it must be x1, y1, x2, y2 with x2 > x1, y2 > y1')
        elif x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
            problems.append(f'{text} lies outside the photo of {height} x {width} px (H x W)')
        else:
            good.append(index)
    return boxes[good], problems


def _usable_boxes(
    boxes: np.ndarray, image_shape: tuple[int, int], of_this_photo: bool
) -> tuple[np.ndarray, list[str]]:
    """`check_boxes`; boxes of another shape spoil one photo only, if they are that photo's own."""
    try:
        return check_boxes(boxes, image_shape)
    except ValueError as error:
        raise (BadSampleError(str(error)) if of_this_photo else error) from None


def _device(name: str) -> torch.device:
    found = torch.accelerator.current_accelerator(check_available=True)
    if name == 'auto':
        return torch.device('cpu') if found is None else found
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f'device={name!r} is no device that torch knows') from error
    if device.type not in ('cpu', getattr(found, 'type', 'cpu')):
        raise ValueError(f"device={name!r}: torch sees no such device here; use 'cpu' or 'auto'")
    return device


def _detector_config(
    detector: str | Mapping[str, Any] | PersonDetector | None, score_threshold: float | None
) -> Any:
    """What is built when the first photo needs it."""
    if not isinstance(detector, str):
        return dict(detector) if isinstance(detector, Mapping) else detector
    if detector not in DETECTOR_NAMES:
        raise ValueError(f'detector={detector!r}: one of {list(DETECTOR_NAMES)}, a config, or None')
    config = {'type': DETECTOR_NAMES[detector]}
    if score_threshold is not None and detector != 'whole':
        config['score_threshold'] = score_threshold
    return config


def _test_pipeline(cfg: Config) -> Sequence[Mapping[str, Any]]:
    """The pipeline of the (first) test data set."""
    node: Any = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    while 'pipeline' not in node:
        inner = node.get('dataset') or next(iter(node.get('datasets') or ()), None)
        if inner is None:
            raise ConfigError(
                'the config has no test_dataloader.dataset.pipeline: it says how people are cropped'
            )
        node = inner
    return node['pipeline']


def _build_estimator(cfg: Config, checkpoint: str | Path | None) -> torch.nn.Module:
    if cfg.get('model') is None:
        raise ConfigError('the config has no model')
    model = copy.deepcopy(cfg.model)
    if model.get('data_preprocessor'):  # photos have no labels: nobody needs bodies by gender
        model.data_preprocessor.pop('gendered_body_models', None)
    estimator = MODELS.build(model)
    for name in ('body_model', 'data_preprocessor'):
        if getattr(estimator, name, None) is None:
            raise ConfigError(f'{type(estimator).__name__} has no {name}: no use for inference')
    if isinstance(estimator, WorldHMR) and estimator.rotation_source == 'known':
        if estimator.camera is None:
            raise ConfigError("rotation_source='known' without a `camera`: photos have no label")
        estimator.rotation_source = 'predicted'  # the user's own where it is given
    checkpoint = checkpoint or cfg.get('load_from')
    if checkpoint is None:
        print_log(
            'no checkpoint is given: the weights are random, and so are the results',
            logger='current',
            level=30,
        )
    else:
        load_weights(estimator, checkpoint)
    return estimator
