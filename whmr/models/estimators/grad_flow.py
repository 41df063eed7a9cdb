"""Which gradients flow: the whole difference between training stages I and II, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True)
class GradFlow:
    """Switches of the detach rules (W-HMR Sec. 3.4).

    Stage I: `GradFlow(crop_2d_to_body=True, full_2d_to_body=False, distance_to_features=False)`;
    stage II: the opposite of all three. What no stage lets through is not a switch: scale and
        translation of the
    weak camera never receive gradient from the full-image projection, nor does one refinement step
    from the next.

    Args:
        crop_2d_to_body: The crop's 2D loss reaches the joints (pose, shape); otherwise only the
            weak camera.
        full_2d_to_body: The full image's 2D loss reaches the joints; otherwise only the predicted
            distance.
        distance_to_features: The distance's gradient reaches neck and backbone.
    """

    crop_2d_to_body: bool
    full_2d_to_body: bool
    distance_to_features: bool

    @classmethod
    def build(cls, value: Mapping[str, bool] | GradFlow) -> GradFlow:
        """From a config's `grad_flow` dict.

        Raises:
            ValueError: On an unknown, missing or non-boolean entry.
        """
        if isinstance(value, cls):
            return value
        names = {f.name for f in fields(cls)}
        unknown, missing = sorted(set(value) - names), sorted(names - set(value))
        if unknown or missing:
            raise ValueError(
                f'grad_flow: unknown entries {unknown}, missing entries {missing}; '
                f'it takes {sorted(names)}'
            )
        wrong = {k: v for k, v in value.items() if not isinstance(v, bool)}
        if wrong:
            raise ValueError(f'grad_flow: {wrong} must be True or False')
        return cls(**value)


def flow(value: Tensor, through: bool) -> Tensor:
    """`value`, with its gradient stopped unless `through`."""
    return value if through else value.detach()
