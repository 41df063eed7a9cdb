"""Errors of an orientation module on the features of a test set."""

import torch
from torch import nn

from orientation_study.features import Features
from whmr.evaluation import functional as errors
from whmr.models import NoisyRotation

BATCH = 64
NUM_JOINTS = 24
PELVIS = 0  # of the 24 joints
MILLIMETRES = 1000.0
COLUMNS = (
    'W-MPJPE',
    'PA-MPJPE',
    'W-PVE',
    'up-vector error (deg)',
    'camera rotation error (deg)',
)


@torch.no_grad()
def score(
    module: nn.Module | None,
    features: Features,
    *,
    source: str,
    degrees: float = 0.0,
    seed: int = 0,
) -> dict[str, float]:
    """Means over the people of a test set, as `WorldSpaceMetric` defines them (mm, degrees).

    Args:
        module: The orientation module; None = the labelled orientation, which leaves the errors of
            pose and shape.
        features: Of the test set.
        source: The camera rotation that it is fed, `predicted` or `known`.
        degrees: Angle by which that rotation is tilted, about a random axis.
        seed: Seed of the axes.
    """
    torch.manual_seed(seed)
    if module is not None:
        module = module.eval()
    points, rotation = features.measured_points, features.rotation(source)
    if degrees:
        rotation = NoisyRotation(module, (degrees, degrees)).tilt(rotation)
    found: list[torch.Tensor] = []
    for start in range(0, len(features), BATCH):
        rows = slice(start, start + BATCH)
        orient, turn = features.oriented(module, rotation, rows)
        pred, label = points.turned(turn, rows), points.label[rows]
        joints = [mesh[:, :NUM_JOINTS] for mesh in (pred, label)]
        centred = [joint - joint[:, PELVIS : PELVIS + 1] for joint in joints]
        found.append(
            torch.stack(
                [
                    MILLIMETRES * errors.mpjpe(*centred),
                    MILLIMETRES * errors.pa_mpjpe(*centred),
                    MILLIMETRES * errors.pve(pred[:, NUM_JOINTS:], label[:, NUM_JOINTS:]),
                    errors.up_vector_error(orient[:, 0], features.label_orient[rows, 0]),
                    errors.rotation_error(rotation[rows], features.rotation('known')[rows]),
                ],
                dim=1,
            )
        )
    means = torch.cat(found).double().mean(0).tolist()
    return dict(zip(COLUMNS, means, strict=True))
