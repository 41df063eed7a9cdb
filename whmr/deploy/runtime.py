"""ONNX Runtime, which does not report to its makers."""

import os
from types import ModuleType

TELEMETRY = 'ORT_DISABLE_TELEMETRY'  # read when onnxruntime is imported


def import_onnxruntime() -> ModuleType:
    """The module `onnxruntime`, its telemetry off unless the user has set ORT_DISABLE_TELEMETRY.

    The only place of the library that imports it.

    Raises:
        ImportError: If it is not installed.
    """
    os.environ.setdefault(TELEMETRY, '1')
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError('ONNX files need onnxruntime: pip install onnxruntime') from error
    return onnxruntime
