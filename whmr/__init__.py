"""W-HMR: human mesh recovery in gravity-aligned world space, with weakly supervised calibration."""

from whmr.version import __version__

__all__ = ['__version__']
