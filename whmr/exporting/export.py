"""From a config and a checkpoint to a folder of ONNX files."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine import Config
from mmengine.registry import DefaultScope
from torch import Tensor

from whmr.apis.inference_model import build_estimator, find_pipeline
from whmr.body_models import BodyModel
from whmr.deploy.model_folder import DESCRIPTION, FORMAT, FORMAT_VERSION
from whmr.engine import ConfigError, load_config
from whmr.exporting.check import (
    FileReport,
    compare,
    onnx_runner,
    require_equal,
    seconds,
    torchscript_runner,
)
from whmr.exporting.parts import (
    CalibratorPart,
    CameraSpacePart,
    ExportPart,
    OrientationPart,
    example_crops,
    example_orientations,
    example_photos,
)
from whmr.exporting.settings import read_settings
from whmr.exporting.trace import to_onnx, to_torchscript
from whmr.fileio import write_bytes, write_text
from whmr.geometry import pitch_roll_to_rotmat
from whmr.keypoints import JOINT_SETS
from whmr.models.estimators import WorldHMR
from whmr.registry import SCOPE
from whmr.version import __version__

TIMED_BATCH = 4


@dataclass(frozen=True)
class _Task:
    """A part, and inputs of it: the first to trace it with, the last to time it with."""

    name: str
    part: ExportPart
    batches: Sequence[Sequence[Tensor]]
    image_axes: Sequence[int] = ()  # axes of any size besides the first


def export_onnx(
    config: str | Path | Config,
    checkpoint: str | Path | None,
    out_dir: str | Path,
    *,
    torchscript: bool = False,
    timing: bool = True,
) -> Iterator[FileReport]:
    """Write a model as ONNX files, and compare each with the model before it is kept.

    `model.onnx` holds the camera-space model and its body, `camera.onnx` the camera calibrator,
    `orient.onnx` the orientation module and the turning of the mesh (the last two if the model has
    them); `model.json` says how photos are prepared and `faces.npy` the triangles. Any number of
    people, and photos of any size, can be given at once. `whmr.deploy.OnnxHMR` reads the folder.

    Args:
        config: A config file, or a loaded config.
        checkpoint: The weights; None takes the config's `load_from`.
        out_dir: The folder; files of the same names are replaced.
        torchscript: Write the same parts as TorchScript, too: `model.pt`, ...
        timing: Whether to time the files.

    Yields:
        A report on each file, when it is written.

    Raises:
        CheckpointError: If the checkpoint is damaged or belongs to another model.
        ConfigError: If the model or its pipeline cannot be exported.
        ExportMismatchError: If a file computes something else than the model.
        FileNotFoundError: If there is no such config, checkpoint or body model file.
        ImportError: If onnx or onnxruntime is not installed.
        OSError: If the folder cannot be written.
    """
    cfg = config if isinstance(config, Config) else load_config(config)
    with DefaultScope.overwrite_default_scope(SCOPE):
        estimator = build_estimator(cfg, checkpoint).eval()
        settings = read_settings(find_pipeline(cfg), estimator.data_preprocessor)
    folder = Path(out_dir)
    rotation_source = getattr(estimator, 'rotation_source', None)
    if isinstance(estimator, WorldHMR):
        estimator.rotation_source = 'none'  # the calibrator has a file of its own
    elif not hasattr(estimator, 'estimate'):
        raise ConfigError(f'{type(estimator).__name__} has no `estimate`: it cannot be exported')
    model = CameraSpacePart(estimator, tuple(settings['crop']['shape']))
    with_camera = rotation_source == 'predicted'
    if with_camera and not settings['photo']:
        raise ConfigError(
            'the model calibrates the camera, but the test pipeline has no ResizeFull'
        )
    (folder / DESCRIPTION).unlink(missing_ok=True)  # old and new files do not belong together
    for task in _tasks(model, with_camera=with_camera):
        yield from _write(folder, task, torchscript=torchscript, timing=timing)
    _write_description(folder, settings, model, estimator.body_model, rotation_source)


def _tasks(model: CameraSpacePart, *, with_camera: bool) -> Iterator[_Task]:
    """The parts of a model. Each is traced with two rows: one is a size that traces mistake."""
    crops = [
        example_crops(batch, model.crop_shape, seed)
        for seed, batch in enumerate((2, 1, TIMED_BATCH))
    ]
    yield _Task('model', model, crops)
    if with_camera:
        photos = [
            example_photos(batch, shape)
            for batch, shape in ((2, (128, 190)), (1, (256, 144)), (TIMED_BATCH, (128, 171)))
        ]
        yield _Task('camera', CalibratorPart(model.estimator.camera), photos, (2, 3))
    if isinstance(model.estimator, WorldHMR):
        with torch.no_grad():
            bodies = [example_orientations(model, each, _rotations(len(each[0]))) for each in crops]
        yield _Task('orient', OrientationPart(model.estimator), bodies)


def _rotations(batch: int) -> Tensor:
    """(B, 3, 3) of cameras that look down and are rolled, one more than the other."""
    return pitch_roll_to_rotmat(torch.linspace(0.1, 0.5, batch), torch.linspace(-0.2, 0.2, batch))


def _write(folder: Path, task: _Task, *, torchscript: bool, timing: bool) -> Iterator[FileReport]:
    part, batches = task.part.eval(), task.batches
    axes = {name: {0: task.name} for name in (*part.inputs, *part.outputs)}
    for axis in task.image_axes:
        axes[part.inputs[0]][axis] = f'side{axis}'
    try:
        content = to_onnx(part, batches[0], axes)
    except (RuntimeError, TypeError) as error:
        raise ConfigError(f'{task.name}: torch cannot export this model ({error})') from error
    run = onnx_runner(content)
    timed = {}
    if timing:
        with torch.no_grad():
            timed = {
                'batch': len(batches[-1][0]),
                'model_seconds': seconds(lambda: part(*batches[-1])),
                'file_seconds': seconds(lambda: run(part, batches[-1])),
            }
    yield _keep(folder / f'{task.name}.onnx', content, compare(part, run, batches), timed)
    if torchscript:
        content = to_torchscript(part, batches[0])
        errors = compare(part, torchscript_runner(content), batches)
        yield _keep(folder / f'{task.name}.pt', content, errors, {})


def _keep(
    path: Path, content: bytes, errors: dict[str, float], timed: dict[str, float]
) -> FileReport:
    report = FileReport(path.name, errors, len(content), **timed)
    require_equal(report)
    write_bytes(path, content)
    return report


def _write_description(
    folder: Path,
    settings: dict[str, Any],
    model: CameraSpacePart,
    body_model: BodyModel,
    rotation_source: str | None,
) -> None:
    """Last of all: a folder without it is not complete."""
    buffer = io.BytesIO()
    np.save(buffer, body_model.faces.cpu().numpy().astype(np.int32))
    write_bytes(folder / 'faces.npy', buffer.getvalue())
    described = {
        'format': FORMAT,
        'format_version': FORMAT_VERSION,
        'whmr_version': __version__,
        'topology': body_model.topology,
        'num_vertices': body_model.num_vertices,
        'num_betas': body_model.num_betas,
        'joint_names': list(JOINT_SETS['spin49'].joints),
        **settings,
        'rotation_source': rotation_source,
        'orientation_inputs': model.orientation_inputs,
    }
    write_text(folder / DESCRIPTION, json.dumps(described, indent=2) + '\n')
