"""Loads a tool by its path, as a module."""

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

TOOLS = Path(__file__).resolve().parents[3] / 'tools'
CONVERTERS = TOOLS / 'dataset_converters'


@cache
def load_tool(name: str) -> ModuleType:
    """A tool as a module.

    Args:
        name: Its path in `tools/`, without its ending.
    """
    path = TOOLS / f'{name}.py'
    qualified = f'whmr_tools_{path.stem}'
    spec = importlib.util.spec_from_file_location(qualified, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[qualified] = module
    spec.loader.exec_module(module)
    return module


def load_converter(name: str) -> ModuleType:
    """The tool `<name>.py` of `tools/dataset_converters/` as a module.

    Args:
        name: File name without its ending.
    """
    return load_tool(f'{CONVERTERS.name}/{name}')
