"""Where transforms get their random numbers."""

import numpy as np


def worker_rng() -> np.random.Generator:
    """A generator that draws from numpy's global stream of random numbers.

    MMEngine seeds that stream in every data-loading worker, and `MixtureDataset` for every sample;
    mmcv's own transforms draw from it too.

    Shapes: none.
    """
    return np.random.Generator(np.random.get_bit_generator())
