"""People of a photo by exported models: numpy and onnxruntime, nothing else."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from whmr.deploy.cameras import (
    Camera,
    focal_to_vfov,
    read_camera,
    rotmat_to_axis_angle,
    rotmat_to_pitch_roll,
)
from whmr.deploy.model_folder import ModelFolder
from whmr.deploy.pixels import crop_person, resize_photo
from whmr.deploy.runtime import import_onnxruntime

SCHEMA_VERSION = 2  # of `whmr.apis.HMRResult`
NUM_POSED = 23


class OnnxHMR:
    """Estimates the people of photos from the folder that `whmr export-onnx` wrote.

    Neither torch nor MMEngine is imported. The numbers are those of `whmr.apis.HMRInferencer`, but
    for the last digit of the pixels that are interpolated (docs/deploy.md).

    Args:
        folder: The folder.
        providers: Execution providers of ONNX Runtime.
        batch_size: Most people in one pass.
        num_threads: Threads of ONNX Runtime; None lets it choose.

    Raises:
        FileNotFoundError: If the folder or a file of it is missing.
        ImportError: If onnxruntime is not installed.
        ValueError: If a file is damaged, of another version, or an argument out of its range.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        providers: Sequence[str] = ('CPUExecutionProvider',),
        batch_size: int = 16,
        num_threads: int | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f'batch_size={batch_size}: must be 1 or more')
        self.folder = ModelFolder.read(folder)
        self.batch_size = batch_size
        self._sessions = {
            name.removesuffix('.onnx'): _open(self.folder.path / name, providers, num_threads)
            for name in self.folder.files
        }

    def __call__(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        *,
        camera: Mapping[str, Any] | None = None,
        order: str = 'bgr',
        image_name: str = '',
        scores: np.ndarray | None = None,
    ) -> dict[str, np.ndarray]:
        """Estimate the people of a photo.

        Args:
            image: The photo.
            boxes: Where the people are.
            camera: What is known of its camera, see `read_camera`: used, not predicted.
            order: Of the channels, 'bgr' (as OpenCV reads) or 'rgb' (as Pillow does).
            image_name: Kept in the result.
            scores: Of the boxes; 1 where they are not given.

        Returns:
            The fields of `whmr.apis.HMRResult` by name; what the model does not estimate is NaN.
            `np.savez_compressed(path, **result)` makes a file that `HMRResult.load` and
            `whmr export` read.

        Shapes: N people; the result as in `HMRResult`.
            image: (H, W, 3) uint8.  boxes: (N, 4) xyxy full px.  scores: (N,).

        Raises:
            ValueError: If an argument is wrong.
            ArithmeticError: If a prediction is not finite.
        """
        if order not in ('bgr', 'rgb'):
            raise ValueError(f"order={order!r}: 'bgr' or 'rgb'")
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                f'image must be (H, W, 3) of uint8, got {image.shape} of {image.dtype}'
            )
        boxes = _checked_boxes(boxes, image.shape[:2])
        scores = np.asarray(np.ones(len(boxes)) if scores is None else scores, np.float32)
        if scores.shape != (len(boxes),):
            raise ValueError(f'scores must be ({len(boxes)},), one per box, got {scores.shape}')
        known = read_camera(camera, image.shape[0])
        found, rotation = self._empty(len(boxes)), None
        if len(boxes):
            rotation = self._rotation(image, known, order)
            starts = range(0, len(boxes), self.batch_size)
            parts = [
                self._people(image, boxes[i : i + self.batch_size], known, rotation, order)
                for i in starts
            ]
            found |= {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return {
            'schema_version': np.array(SCHEMA_VERSION),
            'image_name': np.array(image_name),
            'image_shape': np.array(image.shape[:2], np.int64),
            'topology': np.array(self.folder.topology),
            'boxes': boxes,
            'scores': scores,
            **_both_formats(found),
            'intrinsics': _intrinsics(found['focal_length'], image.shape[:2]),
            'faces': self.folder.faces,
            **_camera_fields(rotation, known, found['focal_length'], image.shape[0]),
        }

    def _people(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        known: Camera,
        rotation: dict[str, np.ndarray] | None,
        order: str,
    ) -> dict[str, np.ndarray]:
        """One pass: camera space, then world space."""
        settings = dict(self.folder.crop)
        shape = tuple(settings.pop('shape'))
        crops = [crop_person(image, box, shape, **settings) for box in boxes]
        focal = np.nan if known.focal_length is None else known.focal_length
        inputs = {
            'crop': np.concatenate([self.folder.normalised(c.pixels, order) for c in crops]),
            'crop2full': np.stack([c.crop2full for c in crops]),
            'full_shape': np.tile(image.shape[:2], (len(crops), 1)),
            'known_focal_length': np.full(len(crops), focal),
        }
        found = self._run('model', inputs)
        if rotation is not None:
            feed = {name: found[output] for name, output in self.folder.orientation_inputs.items()}
            feed['world2cam_rotmat'] = np.tile(rotation['world2cam_rotmat'], (len(crops), 1, 1))
            found |= self._run('orient', feed)
        kept = {name: value for name, value in found.items() if name in self._shapes()}
        for name, value in kept.items():
            if not np.isfinite(value).all():
                raise ArithmeticError(f'the predicted {name} is not finite')
        return kept

    def _rotation(
        self, image: np.ndarray, known: Camera, order: str
    ) -> dict[str, np.ndarray] | None:
        """The camera's rotation, given or calibrated; None for a model that knows no world."""
        if self.folder.rotation_source is None:
            return None
        if self.folder.rotation_source == 'none':
            return {'world2cam_rotmat': np.eye(3)}
        if known.world2cam_rotmat is not None:
            return {'world2cam_rotmat': known.world2cam_rotmat}
        photo = resize_photo(image, **self.folder.photo)
        found = self._run('camera', {'photo': self.folder.normalised(photo, order)})
        return {name: value[0] for name, value in found.items()}

    def _run(self, name: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        session = self._sessions[name]
        wanted = [value.name for value in session.get_inputs()]
        outputs = [value.name for value in session.get_outputs()]
        given = {key: np.ascontiguousarray(inputs[key], np.float32) for key in wanted}
        return dict(zip(outputs, session.run(outputs, given)))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """What a result says of each person."""
        vertices, joints = (self.folder.num_vertices, 3), (len(self.folder.joint_names), 3)
        return {
            'betas': (self.folder.num_betas,),
            'global_orient': (1, 3, 3),
            'body_pose': (NUM_POSED, 3, 3),
            'global_orient_world': (1, 3, 3),
            'weak_cam': (3,),
            'cam_t': (3,),
            'focal_length': (),
            'vertices': vertices,
            'joints': joints,
            'vertices_world': vertices,
            'joints_world': joints,
            'keypoints_2d': (joints[0], 2),
        }

    def _empty(self, people: int) -> dict[str, np.ndarray]:
        shapes = self._shapes().items()
        return {name: np.full((people, *shape), np.nan, np.float32) for name, shape in shapes}


def _open(path: Path, providers: Sequence[str], num_threads: int | None) -> Any:
    """An `onnxruntime.InferenceSession`."""
    onnxruntime = import_onnxruntime()
    missing = sorted(set(providers) - set(onnxruntime.get_available_providers()))
    if missing:
        raise ValueError(
            f'providers {missing} are not in this onnxruntime, which has '
            f'{onnxruntime.get_available_providers()}'
        )
    options = onnxruntime.SessionOptions()
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise ValueError(f'{path}: damaged or no ONNX model; export the model again') from error


def _checked_boxes(boxes: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    boxes = np.asarray(boxes, np.float32)
    if boxes.size == 0:
        return np.zeros((0, 4), np.float32)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'boxes must have the shape (N, 4), got {boxes.shape}')
    height, width = image_shape
    good = np.isfinite(boxes).all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    good &= (boxes[:, 2:] > 0).all(1) & (boxes[:, 0] < width) & (boxes[:, 1] < height)
    if not good.all():
        first = boxes[int(np.argmin(good))].tolist()
        raise ValueError(
            f'box {first}: must be x1, y1, x2, y2 with x2 > x1, y2 > y1, in the photo of {height} '
            f'x {width} px (H x W)'
        )
    return boxes


def _both_formats(found: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Rotations as axis-angle, and with the suffix `_rotmat` as matrices."""
    fields = {}
    for name, value in found.items():
        if name in ('global_orient', 'global_orient_world', 'body_pose'):
            fields[name] = rotmat_to_axis_angle(value).astype(np.float32)
            fields[f'{name}_rotmat'] = value
        else:
            fields[name] = value
    return fields


def _intrinsics(focal_length: np.ndarray, image_shape: tuple[int, int]) -> np.ndarray:
    """(N, 3, 3) full px, principal point in the middle of the photo."""
    matrices = np.tile(np.eye(3, dtype=np.float32), (len(focal_length), 1, 1))
    matrices[:, 0, 0] = matrices[:, 1, 1] = focal_length
    matrices[:, :2, 2] = image_shape[1] / 2, image_shape[0] / 2
    return matrices


def _camera_fields(
    rotation: dict[str, np.ndarray] | None,
    known: Camera,
    focal_length: np.ndarray,
    image_height: int,
) -> dict[str, np.ndarray]:
    """The photo's camera, and where it comes from; a model may not take what is known."""
    found = {} if rotation is None else rotation
    rotmat, rotation_source = found.get('world2cam_rotmat'), 'predicted'
    if known.world2cam_rotmat is not None and (
        rotmat is None or np.allclose(rotmat, known.world2cam_rotmat, atol=1e-3)
    ):
        rotmat, rotation_source = known.world2cam_rotmat, 'given'
    elif rotmat is None:
        rotmat, rotation_source = np.full((3, 3), np.nan), 'unknown'
    pitch, roll = rotmat_to_pitch_roll(rotmat)
    vfov, focal_source = found.get('vfov', np.nan), 'predicted' if len(focal_length) else 'unknown'
    if known.focal_length is not None and np.allclose(focal_length, known.focal_length, rtol=1e-3):
        vfov, focal_source = focal_to_vfov(known.focal_length, image_height), 'given'
    numbers = {'world2cam_rotmat': rotmat, 'pitch': pitch, 'roll': roll, 'vfov': vfov}
    return {
        **{name: np.asarray(value, np.float32) for name, value in numbers.items()},
        'focal_source': np.array(focal_source),
        'rotation_source': np.array(rotation_source),
    }
