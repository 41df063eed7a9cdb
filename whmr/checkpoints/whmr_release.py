"""W-HMR's own release: the four variants of the whole model in world space.

Ours: `WorldHMR` as the configs in `configs/whmr/release/` build it.
"""

from collections.abc import Mapping
from itertools import product

from torch import Tensor

from whmr.checkpoints.key_map import Drop, Entry, KeyMap, Source
from whmr.checkpoints.layers import (
    SMPL_DROPS,
    batch_norm,
    cam_calib,
    convolution,
    deconvolutions,
    dense_heads,
    layer_norm,
    linear,
    parameter_regressor,
    pixel_aligned_extractor,
    resnet50,
    transformer_block,
    vitpose_b,
)

_GLOBAL_INFO = 5
_POSE = 24 * 9
_CHANNELS = {'markers': 32, 'vertices': 5}  # of the feature at a point
_POINTS = {'markers': 67, 'vertices': 431}
_GRIDS = {
    ('vitpose', 'markers'): 9 * 7,
    ('vitpose', 'vertices'): 24 * 18,
    ('res50', 'markers'): 8 * 8,
    ('res50', 'vertices'): 21 * 21,
}
_TITLES = {
    ('vitpose', 'markers'): 'W-HMR with ViTPose-B and markers',
    ('vitpose', 'vertices'): 'W-HMR with ViTPose-B and vertices (hybrid)',
    ('res50', 'markers'): 'W-HMR with ResNet-50 and markers',
    ('res50', 'vertices'): 'W-HMR with ResNet-50 and vertices (hybrid)',
}
_DROPS = (
    *SMPL_DROPS,
    Drop(r'global_orient\.init_pose', 'identity that nothing reads'),
    Drop(
        r'transformer\.\d+\.trans_encoder\.0\.bert\.embeddings\..*',
        "BERT's word embeddings, which the mesh tokens do not use",
    ),
    Drop(
        r'transformer\.\d+\.trans_encoder\.0\.bert\.pooler\.dense\.(weight|bias)',
        "BERT's pooler, whose output nothing reads",
    ),
    Drop(
        r'transformer\.\d+\.trans_encoder\.0\.bert\.encoder\.layer\.\d+\.graph_conv\.skip_conv\.[Wb]',
        'skip layer of a graph block, not used where its widths agree',
    ),
)


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of `WorldHMR`; the variant is recognised from keys and shapes.

    Args:
        state_dict: The release's.

    Raises:
        KeyMismatchError: Keys are missing, unexpected or wrongly shaped.
    """
    return SOURCE.convert(state_dict).state_dict


def _key_map(backbone: str, points: str) -> KeyMap:
    channels = _CHANNELS[points]
    last = _POINTS[points] * channels
    vit = backbone == 'vitpose'
    feat_dims = [_GRIDS[backbone, points] * channels, last, last]
    entries = (
        vitpose_b('feature_extractor.backbone.', 'estimator.backbone.')
        if vit
        else resnet50('feature_extractor.', 'estimator.backbone.model.')
    )
    entries += deconvolutions('deconv_layers.', 'estimator.neck.layers.', 768 if vit else 2048)
    for i in range(3):
        entries += pixel_aligned_extractor(
            f'maf_extractor.{i}.', f'estimator.extractors.{i}.', channels
        )
    for i, width in enumerate(feat_dims[:2] if points == 'vertices' else feat_dims):
        entries += parameter_regressor(
            f'regressor.{i}.', f'estimator.regressors.{i}.', width + _GLOBAL_INFO, _POSE
        )
    if points == 'vertices':
        entries += _vertex_transformer(
            'transformer.0', 'estimator.vertex_regressors.0', last, _POINTS[points]
        )
    entries += _focal_head(*((216, 12) if vit else (100, 10)))
    entries += dense_heads('dp_head.', 'estimator.iuv_head.')
    entries += convolution(
        'dpth_head.predict_depth', 'estimator.depth_head.predict_depth', (1, 256, 3, 3), bias=1
    )
    entries += cam_calib('cam_model.', 'camera.')
    entries += _orientation(last + _GLOBAL_INFO + 6 + 9)
    return KeyMap(f'whmr_{backbone}_{points}', _TITLES[backbone, points], tuple(entries), _DROPS)


def _focal_head(token: int, width: int) -> list[Entry]:
    ours = 'estimator.focal_head'
    return [
        *convolution('conv.0', f'{ours}.conv1', (64, 256, 7, 7)),
        *convolution('conv.1', f'{ours}.conv2', (5, 64, 7, 7)),
        *transformer_block('transformer_decoder', f'{ours}.block', token, qkv_bias=False),
        *linear('est_Tz.0', f'{ours}.fc1', width, token),
        *linear('est_Tz.1', f'{ours}.fc2', 1, width),
        *batch_norm('est_Tz.2', f'{ours}.norm', 1),
    ]


def _orientation(into: int) -> list[Entry]:
    return [
        *linear('global_orient.fc1', 'orientation.fc1', 2048, into),
        *linear('global_orient.fc2', 'orientation.fc2', 2048, 2048),
        *linear('global_orient.decrot', 'orientation.decode', 9, 2048),
    ]


def _vertex_transformer(theirs: str, ours: str, feat_dim: int, vertices: int) -> list[Entry]:
    token, width, medium, full = 256 + 3, 32, 1723, 6890
    encoder = f'{theirs}.trans_encoder.0'
    entries = [
        *linear(f'{theirs}.global_feat_dim', f'{ours}.global_token', token, feat_dim),
        *linear(f'{encoder}.bert.img_embedding', f'{ours}.embed', width, token),
        Entry(
            f'{encoder}.bert.position_embeddings.weight',
            f'{ours}.position',
            (512, width),
            lambda rows: rows[: vertices + 1],  # the rest is never read
        ),
        *linear(f'{encoder}.cls_head', f'{ours}.decode', 3, width),
        *linear(f'{encoder}.residual', f'{ours}.skip', 3, token),
        *linear(f'{theirs}.upsampling', f'{ours}.upsample1', medium, vertices),
        *linear(f'{theirs}.upsampling2', f'{ours}.upsample2', full, medium),
    ]
    for i in range(4):
        entries += _graphormer_layer(
            f'{encoder}.bert.encoder.layer.{i}', f'{ours}.layers.{i}', width
        )
    return entries


def _graphormer_layer(theirs: str, ours: str, width: int) -> list[Entry]:
    half, graph = width // 2, f'{theirs}.graph_conv'
    entries = []
    for name in ('query', 'key', 'value'):
        entries += linear(f'{theirs}.attention.self.{name}', f'{ours}.{name}', width, width)
    return [
        *entries,
        *linear(f'{theirs}.attention.output.dense', f'{ours}.attention_out', width, width),
        *layer_norm(f'{theirs}.attention.output.LayerNorm', f'{ours}.attention_norm', width),
        *layer_norm(f'{graph}.pre_norm', f'{ours}.graph.norm_in', width),
        *linear(f'{graph}.lin1', f'{ours}.graph.fc1', half, width, names=('W', 'b')),
        *layer_norm(f'{graph}.norm1', f'{ours}.graph.norm1', half),
        Entry(
            f'{graph}.conv.weight',
            f'{ours}.graph.conv.weight',
            (half, half),
            lambda weight: weight.T,  # theirs is (in, out)
        ),
        Entry(f'{graph}.conv.bias', f'{ours}.graph.conv.bias', (half,)),
        *layer_norm(f'{graph}.norm2', f'{ours}.graph.norm2', half),
        *linear(f'{graph}.lin2', f'{ours}.graph.fc2', width, half, names=('W', 'b')),
        *linear(f'{theirs}.intermediate.dense', f'{ours}.fc1', 2 * width, width),
        *linear(f'{theirs}.output.dense', f'{ours}.fc2', width, 2 * width),
        *layer_norm(f'{theirs}.output.LayerNorm', f'{ours}.norm', width),
    ]


SOURCE = Source(
    'whmr',
    "W-HMR's release, any of its variants (recognised) -> WorldHMR, configs/whmr/release/",
    tuple(_key_map(*names) for names in product(('vitpose', 'res50'), ('markers', 'vertices'))),
    topology='smpl',
)
