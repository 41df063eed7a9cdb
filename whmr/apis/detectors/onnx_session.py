"""Networks in ONNX files."""

from pathlib import Path
from typing import Any

from whmr.deploy.runtime import import_onnxruntime


def open_session(path: Path, *, owner: str, num_threads: int | None = None) -> Any:
    """An `onnxruntime.InferenceSession` on the CPU.

    Args:
        path: The ONNX file.
        owner: Who asks, named in the errors.
        num_threads: Threads of the runtime; None lets the runtime choose.

    Raises:
        FileNotFoundError: There is no such file.
        ImportError: onnxruntime is not installed.
        ValueError: The file is damaged.
    """
    try:
        onnxruntime = import_onnxruntime()
    except ImportError as error:
        raise ImportError(
            f'{owner} needs onnxruntime: `pip install whmr[detect]`, or give your own person boxes'
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f'{owner}: no such model file: {path}')
    options = onnxruntime.SessionOptions()
    if num_threads is not None:
        options.intra_op_num_threads = num_threads
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=['CPUExecutionProvider']
        )
    except Exception as error:  # onnxruntime's errors have no base class of their own
        raise ValueError(
            f'{owner}: {path} is damaged or no ONNX model; get the file again'
        ) from error
