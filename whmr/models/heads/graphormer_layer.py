"""One layer of the vertex regressor's encoder."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from whmr.models.heads.graph_residual import GraphResidualBlock


class GraphormerLayer(nn.Module):
    """Self-attention over all tokens, a graph convolution over the vertex tokens, an MLP.

    A post-norm BERT layer with a graph residual block between attention and MLP (Mesh Graphormer,
    Lin et al., ICCV 2021; W-HMR Sec. 3.2). Tokens beyond the vertices pass the graph block by.

    Args:
        dim: Width of a token.
        num_heads: Attention heads; must divide `dim`.
        mlp_dim: Hidden width of the MLP.
        graph_dim: Hidden width of the graph block.
        dropout: Dropout after attention and MLP.
        attention_dropout: Dropout of the attention weights.
        eps: Of the layer norms.

    Raises:
        ValueError: The heads do not divide the token.

    Shapes: B batch, T tokens, V <= T vertices (the first tokens), D = dim.
        x: (B, T, D).  adjacency: (V, V), rows sum to 1.  returns: (B, T, D).
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        mlp_dim: int,
        graph_dim: int,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        eps: float = 1e-12,
    ) -> None:
        super().__init__()
        if dim % num_heads:
            raise ValueError(f'GraphormerLayer: num_heads {num_heads} does not divide {dim}')
        self.num_heads = num_heads
        self.attention_dropout = attention_dropout
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.attention_out = nn.Linear(dim, dim)
        self.attention_norm = nn.LayerNorm(dim, eps=eps)
        self.graph = GraphResidualBlock(dim, graph_dim, eps=eps)
        self.fc1 = nn.Linear(dim, mlp_dim)
        self.fc2 = nn.Linear(mlp_dim, dim)
        self.norm = nn.LayerNorm(dim, eps=eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        x = self.attention_norm(x + self.dropout(self._attend(x)))
        vertices = len(adjacency)
        x = torch.cat([self.graph(x[:, :vertices], adjacency), x[:, vertices:]], dim=1)
        return self.norm(x + self.dropout(self.fc2(F.gelu(self.fc1(x)))))

    def _attend(self, x: Tensor) -> Tensor:
        query, key, value = (
            layer(x).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        rate = self.attention_dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=rate)
        return self.attention_out(mixed.transpose(1, 2).flatten(2))
