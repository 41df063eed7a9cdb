"""The free body that comes with the library."""

from pathlib import Path

import numpy as np
import torch

from whmr.body_models.atlas import BodyAtlas
from whmr.body_models.base import BodyArrays, BodyModel, BodyTables, MeanParams
from whmr.body_models.joint_regressor import JointRegressor
from whmr.body_models.pyramid import MeshPyramid, PyramidLevel, SparseRows
from whmr.body_models.vertex_set import VertexSet
from whmr.geometry import axis_angle_to_rotmat
from whmr.keypoints import JOINT_SETS
from whmr.registry import BODY_MODELS

ASSETS = Path(__file__).parent / 'assets'
TOPOLOGY = 'free_body'
MAX_BETAS = 10

# Arms lowered from the T-pose to a relaxed stance: axis-angle in rad of the left side; the right
# side mirrors it.
_RELAXED_LEFT = {
    'left_collar': (0.0, 0.0, -0.10),
    'left_shoulder': (0.0, 0.0, -1.05),
    'left_elbow': (0.0, -0.30, 0.0),
}


@BODY_MODELS.register_module()
class FreeBody(BodyModel):
    """The bundled body: free for any use, with SMPL's counts and joints but not its vertices.

    6890 vertices, 13776 faces, 24 joints in SMPL's order, 10 shape coefficients, 207 pose
    correctives, one watertight mirror-symmetric surface, made from MakeHuman's CC0 data by
    `tools/misc/build_free_body.py`. Its landmarks, regressors, markers, mesh pyramid and atlas are
    its own; SMPL's tables are refused.

    Args:
        num_betas: How many of the 10 shape coefficients to use.

    Attributes:
        mirror: Vertex that each vertex becomes when left and right are swapped, (V,) int64.

    Raises:
        ValueError: `num_betas` is not in 1..10.
    """

    def __init__(self, num_betas: int = MAX_BETAS) -> None:
        if not 1 <= num_betas <= MAX_BETAS:
            raise ValueError(f'FreeBody num_betas must be in 1..{MAX_BETAS}, got {num_betas}')
        super().__init__(
            load_free_body_arrays(num_betas), _load_tables(num_betas), topology=TOPOLOGY
        )
        mirror = _read('free_body.npz', 'mirror')['mirror']
        self.register_buffer('mirror', torch.from_numpy(mirror.astype(np.int64)), persistent=False)


def load_free_body_arrays(num_betas: int = MAX_BETAS) -> BodyArrays:
    """The free body's arrays in float32, as stored in the package.

    Args:
        num_betas: How many of the 10 shape coefficients to keep.
    """
    data = _read('free_body.npz')
    weights = data['weights'].astype(np.float32)
    regressor = np.zeros((len(data['parents']), len(weights)), np.float32)
    regressor[data['joint_row'], data['joint_column']] = data['joint_value']
    return BodyArrays(
        v_template=data['v_template'],
        shapedirs=data['shapedirs'][:, :, :num_betas].astype(np.float32),
        posedirs=data['posedirs'].astype(np.float32),
        weights=weights / weights.sum(axis=1, keepdims=True),
        j_regressor=regressor,
        parents=data['parents'].astype(np.int64),
        faces=data['faces'].astype(np.int64),
    )


def _load_tables(num_betas: int) -> BodyTables:
    data = _read('free_body_tables.npz')
    num_vertices = len(data['up1_index'])
    smpl54 = JOINT_SETS['smpl54'].joints

    def regressor(prefix: str, joints: tuple[str, ...]) -> JointRegressor:
        return JointRegressor.from_rows(
            *(data[f'{prefix}_{field}'] for field in ('row', 'column', 'value')),
            names=joints,
            num_vertices=num_vertices,
            topology=TOPOLOGY,
        )

    def level(number: int) -> PyramidLevel:
        weight = data[f'up{number}_weight'].astype(np.float32)
        return PyramidLevel(
            down=SparseRows.from_selection(data[f'down{number}']),
            up=SparseRows(data[f'up{number}_index'], weight / weight.sum(axis=1, keepdims=True)),
            edges=data[f'edges{number}'],
        )

    return BodyTables(
        landmarks=VertexSet(data['landmark_index'], smpl54[24:45], topology=TOPOLOGY),
        extra_joints=regressor('extra', smpl54[45:]),
        joints=regressor('joint', smpl54[:24]),
        markers=VertexSet(data['marker_index'], data['marker_names'].tolist(), topology=TOPOLOGY),
        regressors={'h36m17': regressor('h36m', JOINT_SETS['h36m17'].joints)},
        pyramid=MeshPyramid((level(1), level(2)), topology=TOPOLOGY, num_vertices=num_vertices),
        atlas=BodyAtlas(data['part'], data['uv'].astype(np.float32), topology=TOPOLOGY),
        mean_params=_mean_params(num_betas),
    )


def _mean_params(num_betas: int) -> MeanParams:
    """Upright, facing the camera, arms lowered."""
    joints = JOINT_SETS['smpl24'].joints
    pose = torch.zeros(len(joints), 3)
    for name, rotation in _RELAXED_LEFT.items():
        x, y, z = rotation
        pose[joints.index(name)] = torch.tensor([x, y, z])
        pose[joints.index(name.replace('left', 'right'))] = torch.tensor([x, -y, -z])
    return MeanParams(
        global_orient=torch.diag(torch.tensor([1.0, -1.0, -1.0]))[None],
        body_pose=axis_angle_to_rotmat(pose[1:]),
        betas=torch.zeros(num_betas),
        weak_cam=torch.tensor([0.9, 0.0, 0.0]),
    )


def _read(name: str, *fields: str) -> dict[str, np.ndarray]:
    """The named arrays of a bundled file, all if none is named."""
    with np.load(ASSETS / name, allow_pickle=False) as data:
        return {field: data[field] for field in fields or data.files}
