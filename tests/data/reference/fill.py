"""The value of each learned tensor of the reference checkpoints, from its key alone.

`numpy.random.RandomState(crc32(key)).standard_normal`, in float64, scaled, then float32. numpy has
frozen the stream of its legacy generator, so the values depend on no version.
"""

import re
import zlib

import numpy as np

# Factors on top of 1 / sqrt(fan_in).
GAINS = (
    (r'^regressor\.\d+\.decpose\.weight$', 0.10),
    (r'^regressor\.\d+\.decshape\.weight$', 0.20),
    (r'^regressor\.\d+\.deccam\.weight$', 0.05),
    (r'^global_orient\.decrot\.weight$', 0.15),
    (r'^deconv_layers\.\d+\.weight$', 1.4),
    (r'^maf_extractor\.\d+\.conv\d+\.weight$', 1.2),
    (r'^transformer\.\d+\.trans_encoder\.0\.(cls_head|residual)\.weight$', 0.3),
)


def fill(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor that the release's checkpoint holds under `key`, float32."""
    stream = np.random.RandomState(zlib.crc32(key.encode()) & 0xFFFFFFFF)
    count = int(np.prod(shape)) if len(shape) else 1
    leaf = key.rsplit('.', 1)[-1]
    if leaf == 'running_mean':
        values = 0.1 * stream.standard_normal(count)
    elif leaf == 'running_var':
        values = 0.5 + stream.random_sample(count)
    elif leaf in ('bias', 'b'):
        values = 0.02 * stream.standard_normal(count)
    elif len(shape) <= 1:
        values = 1.0 + 0.1 * stream.standard_normal(count)
    elif leaf == 'pos_embed' or 'embeddings' in key:
        values = 0.02 * stream.standard_normal(count)
    else:
        values = _gain(key) / np.sqrt(_fan_in(key, shape)) * stream.standard_normal(count)
    return values.astype(np.float32).reshape(shape)


def _gain(key: str) -> float:
    return next((gain for pattern, gain in GAINS if re.search(pattern, key)), 1.0)


def _fan_in(key: str, shape: tuple[int, ...]) -> float:
    if key.startswith('deconv_layers.'):  # (in, out, 4, 4), stride 2
        return shape[0] * shape[2] * shape[3] / 4.0
    if re.search(r'graph_conv\.conv\.weight$', key):  # (in, out)
        return shape[0]
    return float(np.prod(shape[1:]))  # (out, in, ...)
