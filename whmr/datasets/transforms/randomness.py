"""Where transforms get their random numbers."""

import numpy as np


def worker_rng() -> np.random.Generator:
    """A generator that follows numpy's global random numbers.

    MMEngine seeds those in every data-loading worker, and `MixtureDataset` for every sample, so
    transforms draw from there, as mmcv's own do; this is the one place that touches them.

    Shapes: none.
    """
    return np.random.default_rng(np.random.randint(0, 2**31, 4))  # noqa: NPY002
