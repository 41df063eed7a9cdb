"""W-HMR: human mesh recovery in gravity-aligned world space, with weakly supervised calibration."""

from importlib.util import find_spec

from whmr.version import __version__

if find_spec('mmcv') is None:
    raise ImportError(
        'whmr needs mmcv, and it is not installed: run `pip install mmcv-lite` '
        '(mmcv without compiled ops is enough; the full mmcv serves as well)'
    )

__all__ = ['__version__']
