"""Foreign state dicts in their exact layouts, of tensors that take no memory.

Each tensor holds one number, its place in the dict, so that a test sees where it went.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import torch
import torchvision
from torch import Tensor

REFERENCE = Path(__file__).resolve().parents[1] / 'data' / 'reference'
VARIANTS = (
    'whmr_vitpose_markers',
    'whmr_res50_vertices',
    'whmr_vitpose_vertices',
    'whmr_res50_markers',
)
Shapes = dict[str, tuple[int, ...]]


@cache
def release_shapes(variant: str, *, constants: bool = True) -> Shapes:
    """Keys and shapes of a variant of W-HMR's release: what is learned, then what is constant."""
    path = next(REFERENCE.glob(f'keys_?_{variant.removeprefix("whmr_")}.json'))
    learned = json.loads(path.read_text(encoding='utf-8'))['filled']
    shapes = {key: tuple(shape) for key, shape in learned.items()}
    return shapes | _constants(shapes) if constants else shapes


def _constants(learned: Shapes) -> Shapes:
    """BatchNorm's counters, and what the release keeps of the body in its modules."""
    means = [key for key in learned if key.endswith('.running_mean')]
    shapes: Shapes = {key.replace('running_mean', 'num_batches_tracked'): () for key in means}
    smpl = {
        'betas': (1, 10),
        'global_orient': (1, 3),
        'body_pose': (1, 69),
        'shapedirs': (6890, 3, 10),
        'faces_tensor': (13776, 3),
        'v_template': (6890, 3),
        'J_regressor': (24, 6890),
        'posedirs': (207, 20670),
        'parents': (24,),
        'lbs_weights': (6890, 24),
        'J_regressor_extra': (9, 6890),
        'vertex_joint_selector.extra_joints_idxs': (21,),
    }
    shapes['points_grid'] = (1, 2, 63)
    shapes['global_orient.init_pose'] = (1, 9)
    for i in range(3):
        shapes[f'maf_extractor.{i}.Dmap'] = (431, 6890)
        if f'regressor.{i}.fc1.weight' in learned:
            shapes |= {f'regressor.{i}.smpl.{name}': shape for name, shape in smpl.items()}
            shapes |= {
                f'regressor.{i}.init_pose': (1, 216),
                f'regressor.{i}.init_shape': (1, 10),
                f'regressor.{i}.init_cam': (1, 3),
                f'regressor.{i}.Dmap0': (1723, 6890),
                f'regressor.{i}.Dmap1': (431, 1723),
                f'regressor.{i}.vertex_joint_selector.extra_joints_idxs': (21,),
            }
    if 'transformer.0.upsampling.bias' in learned:
        shapes['transformer.0.J_regressor_extra'] = (9, 6890)
        shapes['transformer.0.vertex_joint_selector.extra_joints_idxs'] = (21,)
    return shapes


def resnet50_shapes(*, classifier: bool = True) -> Shapes:
    """torchvision's own ResNet-50."""
    with torch.device('meta'):
        shapes = shapes_of(torchvision.models.resnet50().state_dict())
    return {key: s for key, s in shapes.items() if classifier or not key.startswith('fc.')}


def camcalib_shapes(prefix: str = 'model.') -> Shapes:
    """SPEC's CamCalib: the release carries it."""
    return under(release_shapes('whmr_res50_markers'), 'cam_model.', prefix)


def vitpose_shapes(*, heads: int = 5) -> Shapes:
    """ViTPose-B in mmpose's layout; the backbone's names are those inside the release."""
    shapes = under(
        release_shapes('whmr_vitpose_markers'), 'feature_extractor.backbone.', 'backbone.'
    )
    head = {
        'deconv_layers.0.weight': (768, 256, 4, 4),
        **norm('deconv_layers.1', 256),
        'deconv_layers.3.weight': (256, 256, 4, 4),
        **norm('deconv_layers.4', 256),
        'final_layer.weight': (17, 256, 1, 1),
        'final_layer.bias': (17,),
    }
    shapes |= {f'keypoint_head.{key}': shape for key, shape in head.items()}
    for i in range(heads):
        shapes |= {f'associated_keypoint_heads.{i}.{key}': s for key, s in head.items()}
    return shapes


def pose_resnet_shapes() -> Shapes:
    """Simple Baselines with ResNet-50."""
    shapes = resnet50_shapes(classifier=False)
    shapes |= {
        key: shape
        for key, shape in release_shapes('whmr_res50_markers').items()
        if key.startswith('deconv_layers.')
    }
    return shapes | {'final_layer.weight': (17, 256, 1, 1), 'final_layer.bias': (17,)}


def spin_shapes() -> Shapes:
    """SPIN's HMR: trunk, regressor with a 6D pose, mean parameters."""
    return {
        **resnet50_shapes(classifier=False),
        'fc1.weight': (1024, 2048 + 144 + 13),
        'fc1.bias': (1024,),
        'fc2.weight': (1024, 1024),
        'fc2.bias': (1024,),
        'decpose.weight': (144, 1024),
        'decpose.bias': (144,),
        'decshape.weight': (10, 1024),
        'decshape.bias': (10,),
        'deccam.weight': (3, 1024),
        'deccam.bias': (3,),
        'init_pose': (1, 144),
        'init_shape': (1, 10),
        'init_cam': (1, 3),
    }


def pymaf_shapes(*, dense: bool = True) -> Shapes:
    """PyMAF: W-HMR's trunk, extractors and constants, regressors with a 6D pose."""
    whole = release_shapes('whmr_res50_vertices')
    starts = ('feature_extractor.', 'deconv_layers.', 'maf_extractor.')
    shapes = {key: s for key, s in whole.items() if key.startswith(starts)}
    shapes['points_grid'] = (1, 2, 441)
    third = {
        key.replace('regressor.1.', 'regressor.2.'): shape
        for key, shape in whole.items()
        if key.startswith('regressor.1.')
    }
    for key, shape in (whole | third).items():
        if key.startswith('regressor.'):
            shapes[key] = shape
    for i, length in enumerate((2205, 2155, 2155)):
        shapes[f'regressor.{i}.fc1.weight'] = (1024, length + 144 + 13)
        shapes[f'regressor.{i}.decpose.weight'] = (144, 1024)
        shapes[f'regressor.{i}.decpose.bias'] = (144,)
        shapes[f'regressor.{i}.init_pose'] = (1, 144)
    if dense:
        shapes |= {key: s for key, s in whole.items() if key.startswith('dp_head.')}
    return shapes


def norm(name: str, width: int) -> Shapes:
    """A BatchNorm."""
    names = ('weight', 'bias', 'running_mean', 'running_var')
    return {f'{name}.{part}': (width,) for part in names} | {f'{name}.num_batches_tracked': ()}


def under(shapes: Mapping[str, tuple[int, ...]], old: str, new: str) -> Shapes:
    """The keys that begin with `old`, which becomes `new`."""
    return {new + key[len(old) :]: s for key, s in shapes.items() if key.startswith(old)}


def shapes_of(tensors: Mapping[str, Tensor]) -> Shapes:
    """Key -> shape."""
    return {key: tuple(value.shape) for key, value in tensors.items()}


def numbered(shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.int16) -> dict:
    """Each tensor is full of its place in the dict (as far as `dtype` goes) and stores it once."""
    return {
        key: torch.tensor(place % (torch.iinfo(dtype).max + 1), dtype=dtype).expand(shapes[key])
        for key, place in places(shapes).items()
    }


def on_meta(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors without values."""
    return {key: torch.empty(shape, device='meta') for key, shape in shapes.items()}


def places(shapes: Iterable[str]) -> dict[str, int]:
    """Key -> the number that `numbered` gives it."""
    return {key: place for place, key in enumerate(shapes, start=1)}


LAYOUTS = {
    **{variant: release_shapes(variant) for variant in VARIANTS},
    'spec_camcalib': camcalib_shapes(),
    'vitpose_coco': vitpose_shapes(),
    'pose_resnet': pose_resnet_shapes(),
    'torchvision_resnet50': resnet50_shapes(),
    'spin_hmr': spin_shapes(),
    'pymaf': pymaf_shapes(),
}
