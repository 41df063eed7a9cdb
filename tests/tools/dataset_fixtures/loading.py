"""Loads a converter tool of `tools/dataset_converters/` by its path, as a module."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

CONVERTERS = Path(__file__).resolve().parents[3] / 'tools' / 'dataset_converters'


@cache
def load_converter(name: str) -> ModuleType:
    """The tool `<name>.py` as a module.

    Args:
        name: File name without its ending.
    """
    qualified = f'whmr_tools_{name}'
    spec = importlib.util.spec_from_file_location(qualified, CONVERTERS / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    spec.loader.exec_module(module)
    return module
