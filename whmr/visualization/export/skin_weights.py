"""Skinning weights as real-time programs want them: a few joints per vertex."""

from typing import NamedTuple

import numpy as np


class FewWeights(NamedTuple):
    """The strongest joints of each vertex.

    Shapes: V vertices, I joints kept per vertex.
        joints: (V, I) uint8, 0 where unused.  weights: (V, I) float32, falling, rows sum to 1.
        residual: the largest share of a vertex's weights that was dropped.
    """

    joints: np.ndarray
    weights: np.ndarray
    residual: float

    def dense(self, num_joints: int) -> np.ndarray:
        """The kept weights with a column for every joint.

        Shapes: returns (V, num_joints) float64.
        """
        weights = np.zeros((len(self.joints), num_joints))
        np.add.at(weights, (np.arange(len(weights))[:, None], self.joints), self.weights)
        return weights


def strongest_weights(weights: np.ndarray, influences: int) -> FewWeights:
    """Keep the strongest joints of each vertex and make their weights sum to 1 again.

    Args:
        weights: Rows sum to 1.
        influences: How many to keep.

    Shapes: V vertices, J joints.
        weights: (V, J).

    Raises:
        ValueError: If there are not so many joints.
    """
    if not 1 <= influences <= weights.shape[1]:
        raise ValueError(f'influences={influences}: the body has {weights.shape[1]} joints')
    order = np.argsort(-weights, axis=1, kind='stable')[:, :influences]
    kept = np.take_along_axis(weights.astype(np.float64), order, axis=1)
    residual = float((1 - kept.sum(axis=1) / weights.sum(axis=1, dtype=np.float64)).max())
    rounded = (kept / kept.sum(axis=1, keepdims=True)).astype(np.float32)
    # What rounding left over goes to the strongest joint.
    rounded[:, 0] = 1 - rounded[:, 1:].sum(axis=1, dtype=np.float64)
    joints = np.where(rounded > 0, order, 0).astype(np.uint8)
    return FewWeights(joints, rounded, max(residual, 0.0))
