"""Results as files for other programs: `results.npz`, glb, bvh, ply."""

from whmr.visualization.export.animated_glb import INFLUENCES, check_rate, encode_glb
from whmr.visualization.export.body_rig import JOINT_NAMES, BodyRig, rest_skeletons
from whmr.visualization.export.bvh import encode_bvh, euler_zxy
from whmr.visualization.export.person_motion import (
    SPACES,
    PersonMotion,
    check_space,
    exact_meshes,
    person_motions,
    skinning_difference,
)
from whmr.visualization.export.ply import encode_ply
from whmr.visualization.export.results_table import FORMAT, FORMAT_VERSION, ResultsTable
from whmr.visualization.export.scene_camera import SceneCamera
from whmr.visualization.export.skin_weights import FewWeights, strongest_weights

__all__ = [
    'FORMAT',
    'FORMAT_VERSION',
    'INFLUENCES',
    'JOINT_NAMES',
    'SPACES',
    'BodyRig',
    'FewWeights',
    'PersonMotion',
    'ResultsTable',
    'SceneCamera',
    'check_rate',
    'check_space',
    'encode_bvh',
    'encode_glb',
    'encode_ply',
    'euler_zxy',
    'exact_meshes',
    'person_motions',
    'rest_skeletons',
    'skinning_difference',
    'strongest_weights',
]
