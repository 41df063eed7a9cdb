"""The toy parts, importable by tests here and by processes that they start."""

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).with_name('toy_parts.py')
if 'toy_parts' not in sys.modules:
    _spec = importlib.util.spec_from_file_location('toy_parts', _PATH)
    _module = importlib.util.module_from_spec(_spec)
    sys.modules['toy_parts'] = _module
    _spec.loader.exec_module(_module)
