"""Entries of the layers that key maps are made of.

Each function gives the tensors of one layer or network under a foreign name and under ours.
"""

from collections.abc import Sequence

from whmr.checkpoints.key_map import COUNTER, Drop, Entry, entries_under

# Bottleneck blocks of ResNet-50's four stages and the width of each.
_RESNET50 = ((3, 64), (4, 128), (6, 256), (3, 512))
_EXPANSION = 4


def linear(
    source: str, target: str, out: int, into: int, *, names: tuple[str, str] = ('weight', 'bias')
) -> list[Entry]:
    """A linear layer with bias; `names` are the foreign names of its two tensors."""
    weight, bias = names
    return [
        Entry(f'{source}.{weight}', f'{target}.weight', (out, into)),
        Entry(f'{source}.{bias}', f'{target}.bias', (out,)),
    ]


def convolution(
    source: str, target: str, shape: Sequence[int], *, bias: int | None = None
) -> list[Entry]:
    """A convolution of weight `shape`, with a bias of that length if given."""
    entries = [Entry(f'{source}.weight', f'{target}.weight', tuple(shape))]
    if bias is not None:
        entries.append(Entry(f'{source}.bias', f'{target}.bias', (bias,)))
    return entries


def layer_norm(source: str, target: str, width: int) -> list[Entry]:
    """A layer normalisation."""
    return [Entry(f'{source}.{name}', f'{target}.{name}', (width,)) for name in ('weight', 'bias')]


def batch_norm(source: str, target: str, width: int) -> list[Entry]:
    """A batch normalisation with its running statistics and its counter."""
    names = ('weight', 'bias', 'running_mean', 'running_var')
    entries = [Entry(f'{source}.{name}', f'{target}.{name}', (width,)) for name in names]
    return [*entries, Entry(f'{source}.{COUNTER}', f'{target}.{COUNTER}', ())]


def resnet50(source: str, target: str) -> list[Entry]:
    """The trunk of torchvision's ResNet-50, without its classifier; prefixes end with a dot."""
    entries = convolution('conv1', 'conv1', (64, 3, 7, 7)) + batch_norm('bn1', 'bn1', 64)
    into = 64
    for stage, (blocks, width) in enumerate(_RESNET50, start=1):
        out = width * _EXPANSION
        for i in range(blocks):
            block = f'layer{stage}.{i}.'
            shapes = ((width, into, 1, 1), (width, width, 3, 3), (out, width, 1, 1))
            for number, shape in enumerate(shapes, start=1):
                conv, norm = f'{block}conv{number}', f'{block}bn{number}'
                entries += convolution(conv, conv, shape) + batch_norm(norm, norm, shape[0])
            if i == 0:
                conv, norm = f'{block}downsample.0', f'{block}downsample.1'
                entries += convolution(conv, conv, (out, into, 1, 1)) + batch_norm(norm, norm, out)
            into = out
    return entries_under(source, target, entries)


def transformer_block(source: str, target: str, width: int, *, qkv_bias: bool) -> list[Entry]:
    """timm's transformer block with an MLP of four times the width."""
    qkv = linear('attn.qkv', 'attn.qkv', 3 * width, width)
    entries = [
        *layer_norm('norm1', 'norm1', width),
        *(qkv if qkv_bias else qkv[:1]),
        *linear('attn.proj', 'attn.proj', width, width),
        *layer_norm('norm2', 'norm2', width),
        *linear('mlp.fc1', 'mlp.fc1', 4 * width, width),
        *linear('mlp.fc2', 'mlp.fc2', width, 4 * width),
    ]
    return entries_under(f'{source}.', f'{target}.', entries)


def vitpose_b(source: str, target: str) -> list[Entry]:
    """ViTPose's ViT-B on 256x192 crops, in mmpose's names; prefixes end with a dot."""
    width, depth, tokens = 768, 12, 16 * 12
    entries = [
        Entry('pos_embed', 'pos_embed', (1, 1 + tokens, width)),
        *convolution('patch_embed.proj', 'patch_embed', (width, 3, 16, 16), bias=width),
    ]
    for i in range(depth):
        entries += transformer_block(f'blocks.{i}', f'blocks.{i}', width, qkv_bias=True)
    entries += layer_norm('last_norm', 'norm', width)
    return entries_under(source, target, entries)


def deconvolutions(source: str, target: str, in_channels: int) -> list[Entry]:
    """Three transposed convolutions to 256 channels, each followed by BatchNorm and ReLU.

    The foreign layers are numbered through (0, 1, 3, 4, 6, 7); prefixes end with a dot.
    """
    entries = []
    for i, width in enumerate((in_channels, 256, 256)):
        entries += convolution(f'{3 * i}', f'{i}.0', (width, 256, 4, 4))
        entries += batch_norm(f'{3 * i + 1}', f'{i}.1', 256)
    return entries_under(source, target, entries)


def pixel_aligned_extractor(source: str, target: str, out_channels: int) -> list[Entry]:
    """The point-wise MLP of the mesh-aligned features; prefixes end with a dot."""
    entries = []
    into = 256
    for i, out in enumerate((128, 64, out_channels)):
        entries += convolution(f'conv{i}', f'layers.{i}', (out, into, 1), bias=out)
        into = out + 256
    return entries_under(source, target, entries)


def parameter_regressor(source: str, target: str, feat_dim: int, pose_dim: int) -> list[Entry]:
    """A regressor of pose, shape and camera whose other inputs are counted in `feat_dim`.

    The pose has `pose_dim` numbers, there are 10 betas and 3 numbers of the camera, all of which
    are inputs too; prefixes end with a dot.
    """
    entries = [
        *linear('fc1', 'fc1', 1024, feat_dim + pose_dim + 10 + 3),
        *linear('fc2', 'fc2', 1024, 1024),
        *linear('decpose', 'decode_pose', pose_dim, 1024),
        *linear('decshape', 'decode_betas', 10, 1024),
        *linear('deccam', 'decode_cam', 3, 1024),
    ]
    return entries_under(source, target, entries)


def dense_heads(source: str, target: str) -> list[Entry]:
    """The four maps of the dense correspondence head; prefixes end with a dot."""
    pairs = (
        ('predict_u', 'predict_u', 25),
        ('predict_v', 'predict_v', 25),
        ('predict_uv_index', 'predict_index', 25),
        ('predict_ann_index', 'predict_annotation', 15),
    )
    entries = []
    for theirs, ours, out in pairs:
        entries += convolution(theirs, ours, (out, 256, 3, 3), bias=out)
    return entries_under(source, target, entries)


def cam_calib(source: str, target: str) -> list[Entry]:
    """CamCalib (SPEC): a ResNet-50 and three linear heads; prefixes end with a dot."""
    entries = resnet50(f'{source}backbone.', f'{target}backbone.model.')
    for name in ('fc_vfov', 'fc_pitch', 'fc_roll'):
        entries += linear(f'{source}{name}', f'{target}{name}', 256, 2048)
    return entries


# What smplx registers in its body model, beside what a regressor adds to it.
_SMPL_ARRAYS = (
    'betas|global_orient|body_pose|transl|shapedirs|faces_tensor|v_template|J_regressor|posedirs'
    '|parents|lbs_weights|J_regressor_extra|vertex_joint_selector\\.extra_joints_idxs'
)
SMPL_DROPS = (
    Drop(
        rf'regressor\.\d+\.smpl\.({_SMPL_ARRAYS})',
        'array of the SMPL body: it comes from the body files',
    ),
    Drop(
        r'(regressor|transformer)\.\d+\.(J_regressor_extra|vertex_joint_selector\.extra_joints_idxs)',
        'joint table of the body: it comes from the body files',
    ),
    Drop(
        r'(maf_extractor\.\d+\.Dmap|regressor\.\d+\.Dmap[01])',
        'mesh down-sampling matrix: it comes from the body files',
    ),
    Drop(
        r'regressor\.\d+\.init_(pose|shape|cam)',
        'mean parameters: they come from the body files',
    ),
    Drop('points_grid', 'fixed sampling grid: it is computed'),
)
