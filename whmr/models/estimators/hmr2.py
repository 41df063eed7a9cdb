"""HMR 2.0: a vision transformer and a decoder with one query."""

from collections.abc import Mapping
from typing import Any

from whmr.models.estimators.single_step import Regressed, SingleStepEstimator
from whmr.registry import MODELS
from whmr.structures import CropMetas


@MODELS.register_module()
class HMR2(SingleStepEstimator):
    """Humans in 4D's mesh recovery network (Goel et al., ICCV 2023, Sec. 4).

    The query token after `QueryDecoderHead` is the `body_feat` that OrientCorrect reads.

    Args: as `SingleStepEstimator`; `head` is a `QueryDecoderHead`.

    Shapes: B batch, h and w the network input.
        inputs['crop']: (B, 3, h, w), normalised.
    """

    def regress(self, inputs: Mapping[str, Any], metas: CropMetas) -> Regressed:
        """Body, camera and query token of each crop."""
        feature_map = self.backbone(inputs['crop'])
        body_feat, body = self.head(feature_map)
        return Regressed(body, body_feat, feature_map)
