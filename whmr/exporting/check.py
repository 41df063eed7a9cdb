"""Whether an exported file computes what the model computes, and how fast."""

import io
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from whmr.deploy.runtime import import_onnxruntime
from whmr.exporting.parts import ExportPart

TOLERANCE = 1e-4
Runner = Callable[[ExportPart, Sequence[Tensor]], list[np.ndarray]]


class ExportMismatchError(ArithmeticError):
    """An exported file computes something else than the model."""


@dataclass(frozen=True)
class FileReport:
    """How an exported file compares with the model.

    `errors` are the largest differences of each output, in units of its largest value where that
    is above 1 (px), else absolute (m, rad, entries of matrices). Times are seconds of processor
    time for one pass of `batch` rows, the smallest of a few; 0: not measured.
    """

    name: str
    errors: Mapping[str, float]
    num_bytes: int
    batch: int = 0
    model_seconds: float = 0.0
    file_seconds: float = 0.0

    @property
    def worst(self) -> float:
        """The largest of the errors."""
        return max(self.errors.values())


def onnx_runner(content: bytes) -> Runner:
    """Runs an ONNX file on the CPU, on as many threads as torch has.

    A file that cannot be run raises `ExportMismatchError` when it is.

    Args:
        content: The file.

    Raises:
        ImportError: If onnxruntime is not installed.
    """
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # errors are raised
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    names = [value.name for value in session.get_inputs()]

    def run(part: ExportPart, inputs: Sequence[Tensor]) -> list[np.ndarray]:
        given = {name: value.numpy() for name, value in zip(part.inputs, inputs, strict=True)}
        try:
            return session.run(list(part.outputs), {name: given[name] for name in names})
        except Exception as error:  # onnxruntime's errors have no base class of their own
            raise ExportMismatchError(
                f'ONNX Runtime cannot run the file on {len(inputs[0])} rows ({error})'
            ) from error

    return run


def torchscript_runner(content: bytes) -> Runner:
    """Runs a TorchScript file.

    Args:
        content: The file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', FutureWarning)  # torch would rather have torch.export
        script = torch.jit.load(io.BytesIO(content))

    @torch.no_grad()
    def run(part: ExportPart, inputs: Sequence[Tensor]) -> list[np.ndarray]:
        return [value.numpy() for value in script(*inputs)]

    return run


def compare(
    part: ExportPart,
    run: Runner,
    batches: Sequence[Sequence[Tensor]],
) -> dict[str, float]:
    """Largest difference of each output over a few batches, see `FileReport`.

    Args:
        part: What was exported.
        run: What runs the file.
        batches: Inputs of various sizes.

    Raises:
        ExportMismatchError: If the file cannot be run.
    """
    errors = dict.fromkeys(part.outputs, 0.0)
    for inputs in batches:
        with torch.no_grad():
            expected = [value.numpy() for value in part(*inputs)]
        for name, want, got in zip(part.outputs, expected, run(part, inputs), strict=True):
            scale = max(1.0, float(np.abs(want).max()))
            error = float(np.abs(want - got).max()) / scale if want.shape == got.shape else np.inf
            errors[name] = max(errors[name], np.inf if np.isnan(error) else error)
    return errors


def require_equal(report: FileReport, tolerance: float = TOLERANCE) -> None:
    """Refuse a file that computes something else.

    Args:
        report: Of the file.
        tolerance: Largest error that is accepted.

    Raises:
        ExportMismatchError: Naming the worst output.
    """
    if not report.worst < tolerance:
        name = max(report.errors, key=lambda output: report.errors[output])
        raise ExportMismatchError(
            f'{report.name}: output {name!r} is off by {report.worst:.2g}, {tolerance:g} is allowed'
        )


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Processor time of one call, the smallest of a few.

    Args:
        call: What is timed; it is called once before.
        repeats: How often.
    """
    call()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)
