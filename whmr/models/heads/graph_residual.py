"""Graph convolution over a mesh, as a residual block."""

import torch.nn.functional as F
from torch import Tensor, nn


class GraphResidualBlock(nn.Module):
    """Mixes each vertex with its neighbours, in a narrow space, and adds the result.

    `x + L2(relu(LN(G(relu(LN(L1(relu(LN(x)))))))))` with the graph convolution `G(x) = A x W + b`,
    A the normalised adjacency (the graph residual block of Mesh Graphormer, Lin et al., ICCV 2021).

    Args:
        dim: Width of a token.
        hidden_dim: Width in which neighbours are mixed.
        eps: Of the layer norms.

    Shapes: B batch, V vertices, D = dim.
        x: (B, V, D).  adjacency: (V, V), rows sum to 1.  returns: (B, V, D).
    """

    def __init__(self, dim: int, hidden_dim: int, *, eps: float = 1e-12) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(dim, eps=eps)
        self.fc1 = nn.Linear(dim, hidden_dim)
        self.norm1 = nn.LayerNorm(hidden_dim, eps=eps)
        self.conv = nn.Linear(hidden_dim, hidden_dim)
        self.norm2 = nn.LayerNorm(hidden_dim, eps=eps)
        self.fc2 = nn.Linear(hidden_dim, dim)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        y = self.fc1(F.relu(self.norm_in(x)))
        y = F.relu(self.norm1(y))
        y = self.conv(adjacency.to(y.dtype) @ y)
        return x + self.fc2(F.relu(self.norm2(y)))
