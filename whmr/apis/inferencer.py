"""From photos to people in camera and world space."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from mmengine.utils import ProgressBar

from whmr.apis.collect import collect_result
from whmr.apis.detectors import PersonDetector
from whmr.apis.digest import digest
from whmr.apis.exif import read_exif_focal
from whmr.apis.hmr_result import SCHEMA_VERSION, HMRResult
from whmr.apis.image_source import ImageInput, ImageSource, SourceImage
from whmr.apis.inference_model import (
    build_estimator,
    compile_parts,
    find_device,
    find_pipeline,
)
from whmr.apis.known_camera import (
    KnownCamera,
    find_camera,
    find_entry,
    is_per_photo,
    unmatched_entries,
)
from whmr.apis.merge_runs import merge_runs
from whmr.apis.person_boxes import usable_boxes
from whmr.apis.photo_batches import Photo, PhotoPipeline, group_photos, predict_group
from whmr.apis.report import Failure, InferenceReport
from whmr.apis.result_files import DEFAULT_PICTURES, draw_views
from whmr.apis.run_folder import WHOLE, RunFolder
from whmr.apis.run_recorder import RunRecorder, as_setting
from whmr.apis.share import Share
from whmr.datasets import BadSampleError
from whmr.engine import choose_dtype
from whmr.engine.config import load_config
from whmr.registry import DETECTORS, SCOPE, build_child
from whmr.structures import HMRDataSample

DETECTOR_NAMES: Mapping[str, str] = {
    'onnx': 'OnnxPersonDetector',
    'torchvision': 'TorchvisionDetector',
    'whole': 'WholeImageDetector',
}
Boxes = np.ndarray | Mapping[str, np.ndarray]


class HMRInferencer:
    """Finds people in photos, estimates them, and writes parameters, meshes and pictures.

    The steps are those of MMEngine's inferencers, each usable alone: `preprocess` reads, finds
    people and crops them by the test pipeline of the config; `forward` runs the model (the camera
    calibrator sees each whole photo once); `postprocess` makes records; `visualize` draws. Unlike
    MMEngine's `BaseInferencer` it keeps one batch in memory, not the whole run.

    Args:
        config: A config file, or a loaded config.
        checkpoint: The weights; None takes the config's `load_from`.
        device: Where to compute; 'auto' takes an accelerator where there is one.
        detector: 'onnx', 'torchvision', 'whole' (the whole photo is one person), a config of
            `DETECTORS`, a built detector, or None: boxes must be given then.
        score_threshold: Boxes with a lower score are dropped; None leaves it to the detector.
        batch_size: Most people in one forward pass.
        image_batch_size: Most photos in one forward pass: so many are in memory at a time.
        amp: Compute the model in 'bfloat16', 'float16' or 'auto' (bfloat16 where the device has
            it) where that is safe; None in float32.
        compile: Compile backbones and necks: slow at first, then faster.

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
        image_batch_size: int = 8,
        amp: str | None = None,
        compile: bool = False,
    ) -> None:
        for name, size in (('batch_size', batch_size), ('image_batch_size', image_batch_size)):
            if size < 1:
                raise ValueError(f'{name}={size}: must be 1 or more')
        if score_threshold is not None and not 0 <= score_threshold <= 1:
            raise ValueError(f'score_threshold={score_threshold} is outside [0, 1]')
        cfg = config if isinstance(config, Config) else load_config(config)
        self.device = find_device(device)
        self.amp_dtype = None if amp is None else choose_dtype(amp, self.device.type)
        self.batch_size, self.image_batch_size = batch_size, image_batch_size
        self.score_threshold = score_threshold
        with DefaultScope.overwrite_default_scope(SCOPE):
            self.pipeline = PhotoPipeline(find_pipeline(cfg))
            self.estimator = build_estimator(cfg, checkpoint).to(self.device).eval()
        if compile:
            compile_parts(self.estimator)
        self._detector: Any = _detector_config(detector, score_threshold)
        built = isinstance(self._detector, PersonDetector)
        self._detector_name = type(detector).__name__ if built else as_setting(self._detector)
        self._config = digest([cfg.model, find_pipeline(cfg)])

    def __call__(
        self,
        inputs: ImageInput | Sequence[ImageInput],
        *,
        boxes: Boxes | None = None,
        camera: Mapping[str, Any] | None = None,
        exif: bool = False,
        out_dir: str | Path | None = None,
        every: int = 1,
        max_frames: int | None = None,
        pictures: bool | Sequence[str] = True,
        meshes: bool = True,
        on_ground: bool = False,
        overwrite: bool = False,
        share: Share = WHOLE,
        keep_results: bool | None = None,
        progress: bool = True,
    ) -> InferenceReport:
        """Estimate the people of every photo.

        A photo that cannot be read, estimated or written is skipped and listed in the report; the
        others go on. Nobody in a photo is no failure. With `out_dir`, photos that an earlier run
        with the same settings has finished are not done again (`RunFolder`), and the end is
        `results.npz`, the table of all photos in the folder (`merge_runs`).

        Args:
            inputs: See `ImageSource`.
            boxes: Person boxes instead of the detector's: for all photos, or photo -> boxes (those
                that are not named are left to the detector).
            camera: What is known of the cameras, see `find_camera`.
            exif: Where no focal length is given, take that of the photo's EXIF data.
            out_dir: Where files are written, see `write_result`; None writes nothing.
            every: Of a video, take every so many frames.
            max_frames: Of a video, take so many frames at most; None = all.
            pictures: Whether to draw pictures, or which, see `draw_views`.
            meshes: Whether to write meshes.
            on_ground: Drop each person to the floor of the world picture.
            overwrite: Do finished photos again, and write over a run with other settings.
            share: The part of the photos to take, see `find_share`; `merge_runs` makes the table
                when all parts are through.
            keep_results: Keep the records in the report; None keeps them if nothing is written.
            progress: Show a progress bar.

        Shapes: N people.
            boxes: (N, 4) xyxy full px.

        Raises:
            FileNotFoundError: If there is no input.
            OSError: If `out_dir` or the table cannot be written.
            ValueError: If an argument is wrong, or `out_dir` holds a run with other settings.
        """
        place = (share.rank, share.processes)
        source = ImageSource(inputs, every=every, max_frames=max_frames, share=place)
        report = InferenceReport()
        recorder: RunRecorder | None = None
        if out_dir is not None:
            views = {'pictures': pictures, 'meshes': meshes, 'on_ground': on_ground}
            settings = {**self.fingerprint(), **views, 'exif': exif, 'every': every}
            for what, value in (('boxes', boxes), ('camera', camera)):
                settings[what] = None if is_per_photo(value) else as_setting(value)
            folder = RunFolder(out_dir, settings, share=share, overwrite=overwrite)
            recorder = RunRecorder(folder, report, said=(boxes, camera), **views)
        keep = recorder is None if keep_results is None else keep_results
        bar = ProgressBar(len(source), file=sys.stderr) if progress else None

        def finished(found: SourceImage) -> bool:
            kept = recorder is not None and recorder.finished(found)
            if kept and bar is not None:
                bar.update()
            return kept

        unfinished = source.read(finished=finished)
        for photo, result in self.iter_results(unfinished, boxes=boxes, camera=camera, exif=exif):
            if recorder is not None:
                result = recorder.write(photo, result)
            report.failures += [Failure(photo.name, problem) for problem in photo.problems]
            if result is not None:
                report.add(result)
                report.results += [result] * keep
            if bar is not None:
                bar.update()
        for what, value in (('boxes', boxes), ('camera', camera)):
            for key in unmatched_entries(value, source.names):
                report.failures.append(Failure(key, f'{what} given, but no photo has this name'))
        if recorder is not None and share.is_whole:
            merge_runs([recorder.folder.path], body_model=self.estimator.body_model)
        return report

    def fingerprint(self) -> dict[str, Any]:
        """What of the inferencer decides the results: model, weights, detector, precision."""
        return {
            'schema': SCHEMA_VERSION,
            'config': self._config,
            'weights': digest(self.estimator.state_dict()),
            'detector': self._detector_name,
            'score_threshold': self.score_threshold,
            'amp': None if self.amp_dtype is None else str(self.amp_dtype),
        }

    def iter_results(
        self,
        inputs: ImageInput | Sequence[ImageInput] | Iterable[SourceImage],
        *,
        boxes: Boxes | None = None,
        camera: Mapping[str, Any] | None = None,
        exif: bool = False,
    ) -> Iterator[tuple[Photo, HMRResult | None]]:
        """Photo by photo, or frame by frame, in order; one batch is in memory at a time.

        Args:
            inputs: What `ImageSource` takes, or the pictures themselves, such as an `ImageSource`.
            boxes: See `__call__`.
            camera: See `__call__`.
            exif: See `__call__`.

        Yields:
            Each photo with its record, or with None and the reason in `photo.problems`.
        """
        for photos in self.preprocess(inputs, boxes=boxes, camera=camera, exif=exif):
            yield from zip(photos, self.postprocess(photos, self.forward(photos)), strict=True)

    def preprocess(
        self,
        inputs: ImageInput | Sequence[ImageInput] | Iterable[SourceImage],
        *,
        boxes: Boxes | None = None,
        camera: Mapping[str, Any] | None = None,
        exif: bool = False,
    ) -> Iterator[list[Photo]]:
        """Read photos, find their people and crop them.

        Args:
            inputs: See `iter_results`.
            boxes: See `__call__`.
            camera: See `__call__`.
            exif: See `__call__`.

        Yields:
            Photos that go through the model together.
        """
        pictures = inputs if _are_pictures(inputs) else ImageSource(inputs)
        photos = (self._prepare(item, boxes, camera, exif) for item in pictures)
        return group_photos(photos, self.batch_size, self.image_batch_size)

    def forward(self, photos: Sequence[Photo]) -> list[list[HMRDataSample]]:
        """Run the model.

        Args:
            photos: One batch of `preprocess`; their crops are let go.

        Returns:
            The predictions for the people of each photo.
        """
        with torch.autocast(
            self.device.type, dtype=self.amp_dtype, enabled=self.amp_dtype is not None
        ):
            predicted = predict_group(self.estimator, photos, self.batch_size)
        for photo in photos:
            photo.samples = []
        return predicted

    def postprocess(
        self, photos: Sequence[Photo], predicted: Sequence[Sequence[HMRDataSample]]
    ) -> list[HMRResult | None]:
        """Make records of predictions.

        Args:
            photos: One batch of `preprocess`.
            predicted: What `forward` gave for it.

        Returns:
            The record of each photo; None where it cannot be used, and `photo.problems` says why.
        """
        return [self._collect(*pair) for pair in zip(photos, predicted, strict=True)]

    def visualize(
        self,
        photo: Photo,
        result: HMRResult,
        *,
        pictures: Sequence[str] = DEFAULT_PICTURES,
        on_ground: bool = False,
    ) -> dict[str, np.ndarray]:
        """Draw the people of a photo, see `draw_views`.

        Args:
            photo: With its image.
            result: Its record.
            pictures: Which.
            on_ground: Drop each person to the floor of the world picture.

        Shapes: returns (h, w, 3) uint8 RGB each.
        """
        return draw_views(result, photo.image, pictures=pictures, on_ground=on_ground)

    def _prepare(
        self,
        item: SourceImage,
        boxes: Boxes | None,
        camera: Mapping[str, Any] | None,
        exif: bool,
    ) -> Photo:
        """Find the people of a photo and crop them."""
        photo = Photo(item.name, item.stem, item.image)
        photo.mark, photo.video, photo.fps = item.mark, item.video, item.fps
        if item.image is None:
            photo.problems.append(str(item.error))
            return photo
        shape = item.image.shape[:2]
        given = find_entry(boxes, item.name)
        try:
            photo.camera = find_camera(camera, item.name, shape)
            if given is None:
                photo.boxes, photo.scores = self._detect(item.image)
            else:
                photo.boxes, photo.problems = usable_boxes(
                    given, shape, of_this_photo=is_per_photo(boxes)
                )
                photo.scores = np.ones(len(photo.boxes), dtype=np.float32)
        except BadSampleError as error:
            photo.problems.append(str(error))
        if photo.problems and not len(photo.boxes):
            photo.image = None
            return photo
        if exif and item.path is not None:
            photo.camera = _with_exif(photo.camera, item.path, shape)
        photo.samples = self.pipeline.pack(photo)
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

    def _collect(self, photo: Photo, samples: Sequence[HMRDataSample]) -> HMRResult | None:
        if photo.image is None:
            return None
        try:
            return collect_result(
                photo.name,
                photo.image.shape[:2],
                boxes=photo.boxes,
                scores=photo.scores,
                samples=samples,
                known=photo.camera,
                body_model=self.estimator.body_model,
            )
        except ArithmeticError as error:
            photo.problems.append(str(error))
            return None


def _are_pictures(inputs: Any) -> bool:
    """Whether it gives `SourceImage`s, as opposed to paths and arrays."""
    return not isinstance(inputs, (str, Path, int, np.ndarray, list, tuple))


def _with_exif(camera: KnownCamera, path: Path, image_shape: tuple[int, int]) -> KnownCamera:
    """The camera with the photo's own focal length, unless one is given."""
    focal = None if camera.focal_length is not None else read_exif_focal(path, image_shape)
    if focal is None:
        return camera
    return KnownCamera(focal, camera.world2cam_rotmat, focal_source='exif')


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
