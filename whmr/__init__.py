"""W-HMR: human mesh recovery in gravity-aligned world space, with weakly supervised calibration."""

from importlib.util import find_spec

from whmr.version import __version__

# Without MMEngine only `whmr.deploy` is of use, which needs neither.
if find_spec('mmengine') is not None and find_spec('mmcv') is None:
    raise ImportError(
        'whmr needs mmcv, and it is not installed: run `pip install mmcv-lite` '
        '(mmcv without compiled ops is enough; the full mmcv serves as well)'
    )

__all__ = ['__version__']
