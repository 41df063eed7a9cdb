"""The regressor of mesh vertices."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from whmr.geometry import check_shape, full_precision
from whmr.models.heads.graphormer_layer import GraphormerLayer
from whmr.registry import HEADS

MASKED = 0.01  # what every entry of a masked token becomes


class VertexOutput(NamedTuple):
    """A mesh at the three resolutions of the body's pyramid.

    Shapes: B batch, V, V1, V2 vertices; m, camera axes, no translation.
    """

    vertices: Tensor  # (B, V, 3)
    level1: Tensor  # (B, V1, 3)
    level2: Tensor  # (B, V2, 3)


@HEADS.register_module()
class VertexTransformer(BaseModule):
    """Regresses a mesh without a body model: the vertex regressor of the hybrid (W-HMR Sec. 3.2).

    A token per coarse vertex holds its position on the last mesh and the raw image feature there; a
    global token holds the whole spatial feature. A Graphormer encoder (Lin et al., ICCV 2021) mixes
    them, and each vertex token is decoded to a position. Two learned layers over the vertex axis,
    shared by x, y and z, refine the mesh.

    In training some vertex tokens are masked (masked vertex modelling), so that the others must
    tell where those vertices are. The global token never is.

    Args:
        feat_dim: Length of the spatial feature.
        point_dim: Channels of the raw feature at a point.
        sizes: Vertices of the body's mesh and of its two coarser levels, finest first.
        adjacency: Normalised adjacency of the coarsest level, see `MeshPyramid.adjacency`.
        hidden_dim: Width of a token inside the encoder.
        num_layers: Layers of the encoder.
        num_heads: Attention heads; must divide `hidden_dim`.
        mlp_dim: Hidden width of a layer's MLP.
        graph_dim: Hidden width of a layer's graph block.
        dropout: Dropout of the embedded tokens, and in each layer after attention and MLP.
        attention_dropout: Dropout of the attention weights.
        mask_ratio: Largest share of the vertex tokens that is masked in training; each person's
            share is drawn uniformly below it.
        indirect: Add the coarse input vertices to the decoded positions, in place of decoding
            absolute ones (an ablation of the paper's Table 8).
        init_cfg: MMEngine's initialisation config.

    Raises:
        ValueError: An input has another shape, `sizes` are not three, `adjacency` does not fit
            them, or the heads do not divide the token.

    Shapes: B batch, V2 vertices of the coarsest level, C = point_dim.
        vertices: (B, V2, 3) m, camera axes, no translation.  point_feat: (B, C, V2).
        body_feat: (B, feat_dim).  meta_mask: (B, V2) bool, False = masked, or None: drawn in
        training, nothing masked otherwise.  returns: `VertexOutput`.
    """

    def __init__(
        self,
        feat_dim: int,
        point_dim: int,
        *,
        sizes: Sequence[int],
        adjacency: Tensor,
        hidden_dim: int = 32,
        num_layers: int = 4,
        num_heads: int = 4,
        mlp_dim: int = 64,
        graph_dim: int = 16,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        mask_ratio: float = 0.3,
        indirect: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(sizes) != 3:
            raise ValueError(f'VertexTransformer: sizes must name three levels, got {sizes}')
        num_vertices, level1, level2 = sizes
        check_shape(adjacency, (level2, level2), 'VertexTransformer: adjacency')
        self.feat_dim = feat_dim
        self.point_dim = point_dim
        self.num_points = level2
        self.mask_ratio = mask_ratio
        self.indirect = indirect
        self.register_buffer('adjacency', adjacency.float(), persistent=False)
        token_dim = 3 + point_dim
        self.global_token = nn.Linear(feat_dim, token_dim)
        self.embed = nn.Linear(token_dim, hidden_dim)
        self.position = nn.Parameter(0.02 * torch.randn(level2 + 1, hidden_dim))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            GraphormerLayer(
                hidden_dim,
                num_heads,
                mlp_dim=mlp_dim,
                graph_dim=graph_dim,
                dropout=dropout,
                attention_dropout=attention_dropout,
            )
            for _ in range(num_layers)
        )
        self.decode = nn.Linear(hidden_dim, 3)
        self.skip = nn.Linear(token_dim, 3)
        self.upsample1 = nn.Linear(level2, level1)
        self.upsample2 = nn.Linear(level1, num_vertices)

    def forward(
        self,
        vertices: Tensor,
        point_feat: Tensor,
        body_feat: Tensor,
        meta_mask: Tensor | None = None,
    ) -> VertexOutput:
        batch = vertices.shape[0]
        points = self.num_points
        check_shape(vertices, (None, points, 3), 'VertexTransformer: vertices')
        check_shape(point_feat, (batch, self.point_dim, points), 'VertexTransformer: point_feat')
        check_shape(body_feat, (batch, self.feat_dim), 'VertexTransformer: body_feat')
        tokens = torch.cat([vertices, point_feat.mT], dim=2)
        if meta_mask is None and self.training:
            meta_mask = self.sample_mask(batch)
        if meta_mask is not None:
            check_shape(meta_mask, (batch, points), 'VertexTransformer: meta_mask')
            tokens = torch.where(meta_mask[..., None].bool(), tokens, MASKED)
        everything = torch.cat([tokens, self.global_token(body_feat)[:, None]], dim=1)
        x = self.dropout(self.embed(everything) + self.position)
        for layer in self.layers:
            x = layer(x, self.adjacency)
        with full_precision(x):
            dtype = self.decode.weight.dtype
            coarse = self.decode(x[:, :points].to(dtype)) + self.skip(tokens.to(dtype))
            if self.indirect:
                coarse = coarse + vertices
            middle = self.upsample1(coarse.mT)
            return VertexOutput(self.upsample2(middle).mT, middle.mT, coarse)

    def sample_mask(self, batch: int) -> Tensor:
        """Draw which vertex tokens are seen in a training step, from torch's random numbers.

        Shapes: B batch, V2 vertices of the coarsest level.
            returns: (B, V2) bool, False = masked.
        """
        device = self.adjacency.device
        share = torch.rand(batch, 1, device=device) * self.mask_ratio
        rank = torch.rand(batch, self.num_points, device=device).argsort(dim=1).argsort(dim=1)
        return rank >= (share * self.num_points).floor()
