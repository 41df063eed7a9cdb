"""The transformer decoder of HMR 2.0: one query reads all patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from whmr.geometry import check_shape
from whmr.models.heads.parameter_regressor import RegressorOutput
from whmr.models.heads.rot6d_decoder import Rot6dDecoder
from whmr.registry import HEADS


class QueryDecoderLayer(nn.Module):
    """Cross-attention to the context and an MLP, each pre-normed and residual.

    There is no self-attention: of a single query it would be a linear map.

    Args:
        dim: Width of the queries.
        context_dim: Width of the context tokens.
        num_heads: Attention heads.
        mlp_dim: Width of the MLP's hidden layer.
        dropout: Dropout in attention and MLP.

    Shapes: B batch, N context tokens.
        query: (B, 1, dim).  context: (B, N, context_dim).  returns: (B, 1, dim).
    """

    def __init__(
        self, dim: int, context_dim: int, *, num_heads: int, mlp_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(
            dim, num_heads, dropout, kdim=context_dim, vdim=context_dim, batch_first=True
        )
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(mlp_dim, dim),
            nn.Dropout(dropout),
        )

    def forward(self, query: Tensor, context: Tensor) -> Tensor:
        seen, _ = self.attention(self.norm1(query), context, context, need_weights=False)
        query = query + seen
        return query + self.mlp(self.norm2(query))


@HEADS.register_module()
class QueryDecoderHead(Rot6dDecoder):
    """One query token cross-attends to the patch tokens; body and camera are read off it.

    HMR 2.0 (Goel et al., ICCV 2023, Sec. 4): a transformer decoder with a single query, then one
    linear decoder each for pose, shape and camera, residual on the mean parameters.

    Args:
        context_dim: Channels of the backbone's map.
        dim: Width of the query; the body feature has this length.
        depth: Decoder layers.
        num_heads: Attention heads.
        mlp_dim: Width of the MLPs.
        dropout: Dropout in attention and MLPs.
        num_joints: Joints of the pose, the root included.
        num_betas: Shape coefficients.
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: The map has another number of channels.

    Shapes: B batch, J = num_joints, S = num_betas.
        feat: (B, context_dim, h, w).
        returns: the query (B, dim), and `RegressorOutput`: pose (B, J, 3, 3) rotations,
        joint 0 model -> camera, betas (B, S), weak_cam (B, 3).
    """

    def __init__(
        self,
        context_dim: int,
        dim: int = 1024,
        *,
        depth: int = 6,
        num_heads: int = 8,
        mlp_dim: int = 1024,
        dropout: float = 0.0,
        num_joints: int = 24,
        num_betas: int = 10,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(dim, num_joints, num_betas=num_betas, init_cfg=init_cfg)
        self.context_dim, self.dim = context_dim, dim
        self.query = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.layers = nn.ModuleList(
            QueryDecoderLayer(
                dim, context_dim, num_heads=num_heads, mlp_dim=mlp_dim, dropout=dropout
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, feat: Tensor) -> tuple[Tensor, RegressorOutput]:
        check_shape(feat, (None, self.context_dim, None, None), 'QueryDecoderHead: feat')
        context = feat.flatten(2).transpose(1, 2)
        query = self.query.expand(feat.shape[0], -1, -1)
        for layer in self.layers:
            query = layer(query, context)
        query = self.norm(query[:, 0])
        return query, self.result(self.correct(query, self.start(feat.shape[0])))
