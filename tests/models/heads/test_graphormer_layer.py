"""One encoder layer: attention, graph block, MLP."""

import math

import pytest
import torch

from whmr.models.heads import GraphormerLayer

ADJACENCY = torch.full((3, 3), 1 / 3)


def layer_of(**changes):
    settings = dict(mlp_dim=10, graph_dim=4, dropout=0.0, attention_dropout=0.0)
    return GraphormerLayer(8, 2, **{**settings, **changes})


def tokens():
    return torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))


def test_values(wiggle):
    """Head by head and query by query; three vertex tokens, two others."""
    layer = wiggle(layer_of())
    x = tokens()
    out = layer(x, ADJACENCY)
    for person in range(2):
        sequence = x[person]
        context = torch.zeros(5, 8)
        for head in (slice(0, 4), slice(4, 8)):
            query, key, value = (
                (part(sequence))[:, head] for part in (layer.query, layer.key, layer.value)
            )
            for index in range(5):
                weight = torch.softmax(key @ query[index] / math.sqrt(4), dim=0)
                context[index, head] = weight @ value
        y = layer.attention_norm(sequence + layer.attention_out(context))
        y = torch.cat([layer.graph(y[None, :3], ADJACENCY)[0], y[3:]])
        hidden = layer.fc1(y)
        hidden = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        expected = layer.norm(y + layer.fc2(hidden))
        torch.testing.assert_close(out[person], expected, atol=1e-5, rtol=1e-5)


def test_tokens_beyond_the_vertices_pass_the_graph_by(wiggle):
    layer = wiggle(layer_of())
    before = layer(tokens(), ADJACENCY)
    with torch.no_grad():
        layer.graph.fc2.bias += torch.randn(8)
    after = layer(tokens(), ADJACENCY)
    assert torch.equal(before[:, 3:], after[:, 3:])
    assert not torch.isclose(before[:, :3], after[:, :3]).all()


def test_heads_must_divide():
    with pytest.raises(ValueError, match='does not divide'):
        GraphormerLayer(8, 3, mlp_dim=8, graph_dim=4)
