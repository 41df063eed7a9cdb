"""Body models: one contract, the bundled free body, and SMPL from the user's own files."""

from whmr.body_models.atlas import BodyAtlas
from whmr.body_models.base import BodyArrays, BodyModel, BodyOutput, BodyTables, MeanParams
from whmr.body_models.errors import BodyMismatchError
from whmr.body_models.free_body import FreeBody, load_free_body_arrays
from whmr.body_models.joint_regressor import JointRegressor
from whmr.body_models.pyramid import MeshPyramid, PyramidLevel, SparseRows
from whmr.body_models.smpl import SMPL
from whmr.body_models.smpl_files import SmplFile, find_smpl_files
from whmr.body_models.smpl_readers import BodyFileError
from whmr.body_models.vertex_set import VertexSet

__all__ = [
    'SMPL',
    'BodyArrays',
    'BodyAtlas',
    'BodyFileError',
    'BodyMismatchError',
    'BodyModel',
    'BodyOutput',
    'BodyTables',
    'FreeBody',
    'JointRegressor',
    'MeanParams',
    'MeshPyramid',
    'PyramidLevel',
    'SmplFile',
    'SparseRows',
    'VertexSet',
    'find_smpl_files',
    'load_free_body_arrays',
]
