"""The graph residual block, by its closed form."""

import torch

from whmr.models.heads import GraphResidualBlock

ADJACENCY = torch.tensor(
    [[0.5, 0.5, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 1.0]]
)


def normed(x, layer):
    """A layer norm, written out."""
    centred = x - x.mean()
    return centred / (centred.square().mean() + layer.eps).sqrt() * layer.weight + layer.bias


def test_values(wiggle):
    """Vertex by vertex and neighbour by neighbour."""
    block = wiggle(GraphResidualBlock(6, 4))
    x = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))
    out = block(x, ADJACENCY)
    for person in range(2):
        narrow = []
        for vertex in x[person]:
            y = normed(vertex, block.norm_in).clamp(min=0)
            y = block.fc1.weight @ y + block.fc1.bias
            narrow.append(normed(y, block.norm1).clamp(min=0))
        for index in range(4):
            mixed = sum(ADJACENCY[index, other] * narrow[other] for other in range(4))
            y = block.conv.weight @ mixed + block.conv.bias
            y = normed(y, block.norm2).clamp(min=0)
            expected = x[person, index] + block.fc2.weight @ y + block.fc2.bias
            torch.testing.assert_close(out[person, index], expected, atol=1e-5, rtol=1e-5)


def test_a_vertex_sees_its_neighbours_alone(wiggle):
    block = wiggle(GraphResidualBlock(6, 4))
    x = torch.randn(1, 4, 6, generator=torch.Generator().manual_seed(0), requires_grad=True)
    for index in range(4):
        (gradient,) = torch.autograd.grad(block(x, ADJACENCY)[0, index].sum(), x)
        reached = gradient[0].abs().amax(dim=1) > 0
        assert torch.equal(reached, ADJACENCY[index] > 0)


def test_every_parameter_learns(assert_all_trained, wiggle):
    block = wiggle(GraphResidualBlock(6, 4))
    assert_all_trained(block, block(torch.randn(2, 4, 6), ADJACENCY).square().sum())
