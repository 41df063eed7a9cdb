"""The contract of every body model, and the skinning that all of them share."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from whmr.body_models.atlas import BodyAtlas
from whmr.body_models.errors import BodyMismatchError
from whmr.body_models.joint_regressor import JointRegressor
from whmr.body_models.pyramid import MeshPyramid
from whmr.body_models.skinning import joint_groups, kinematic_chain, skin
from whmr.body_models.vertex_set import VertexSet
from whmr.geometry import axis_angle_to_rotmat, full_precision
from whmr.keypoints import JOINT_SETS, SMPL54_TO_SPIN49

NUM_JOINTS = 24


class BodyOutput(NamedTuple):
    """A posed body.

    Shapes: B batch, V vertices; m, axes of the frame that `global_orient` leads to, about the
    pelvis joint.
        vertices: (B, V, 3).  joints: (B, 54, 3), set `smpl54`.
    """

    vertices: Tensor
    joints: Tensor


@dataclass
class MeanParams:
    """The body and crop camera that an estimator starts from.

    Shapes: S betas.
        global_orient: (1, 3, 3) model -> camera.  body_pose: (23, 3, 3).  betas: (S,).
        weak_cam: (3,) s, tx, ty.
    """

    global_orient: Tensor
    body_pose: Tensor
    betas: Tensor
    weak_cam: Tensor


@dataclass(frozen=True)
class BodyArrays:
    """What makes a skinned body: the arrays of SMPL's formulation.

    Shapes: V vertices, F faces, J = 24 joints, S betas; m, model frame (T-pose, y up, facing +z,
    left = +x).
        v_template: (V, 3).  shapedirs: (V, 3, S).  posedirs: (V, 3, 207).
        weights: (V, 24), rows sum to 1.
        j_regressor: (24, V).  parents: (24,) int, the root's is -1.  faces: (F, 3) int.
    """

    v_template: np.ndarray
    shapedirs: np.ndarray
    posedirs: np.ndarray
    weights: np.ndarray
    j_regressor: np.ndarray
    parents: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True)
class BodyTables:
    """What is known of a body's surface; each table carries its topology. None: not at hand.

    `landmarks` are the 21 and `extra_joints` the 9 points that follow the 24 joints in the set
    `smpl54`; `regressors` maps the name of a joint set to its regressor. `joints` reads the 24
    joints off a posed mesh; without it the rest mesh's regressor is used for that, as in SMPL.
    """

    landmarks: VertexSet | None = None
    extra_joints: JointRegressor | None = None
    joints: JointRegressor | None = None
    markers: VertexSet | None = None
    regressors: dict[str, JointRegressor] | None = None
    pyramid: MeshPyramid | None = None
    atlas: BodyAtlas | None = None
    mean_params: MeanParams | None = None


class BodyModel(nn.Module):
    """A skinned body with SMPL's 24 joints, and the tables that belong to its surface.

    Nothing of it is ever stored in a checkpoint: all buffers are non-persistent. Rotation matrices
    are used as they are given, also when they are not rotations (an estimator in training feeds raw
    3x3 numbers). The arithmetic runs in the body's own precision even under autocast.

    Args:
        arrays: The skinned body.
        tables: What is known of its surface.
        topology: Tag that every vertex table must carry.

    Raises:
        ValueError: A table is of another topology, or an array does not fit.
    """

    def __init__(self, arrays: BodyArrays, tables: BodyTables, *, topology: str) -> None:
        super().__init__()
        self.topology = topology
        self.num_vertices = len(arrays.v_template)
        self.num_betas = arrays.shapedirs.shape[2]
        self.num_body_joints = NUM_JOINTS
        self._put_arrays(arrays)
        if tables.joints is None:
            names = JOINT_SETS['smpl24'].joints
            rest = JointRegressor(arrays.j_regressor, names, topology=topology)
            tables = replace(tables, joints=rest)
        self._put_tables(tables)

    def forward(
        self, betas: Tensor, global_orient: Tensor, body_pose: Tensor, transl: Tensor | None = None
    ) -> BodyOutput:
        """Shape, pose and place the body.

        Raises:
            ValueError: An argument has the wrong shape.

        Shapes: B batch, S betas; rotations as matrices (used as given) or axis-angle in rad; m.
            betas: (B, S).  global_orient: (B, 1, 3, 3), (B, 3) or (B, 1, 3).
            body_pose: (B, 23, 3, 3), (B, 23, 3) or (B, 69).  transl: (B, 3).
            returns: BodyOutput, axes of the frame that `global_orient` leads to.
        """
        dtype = self.blend_dirs.dtype
        with full_precision(betas):
            root = self._rotations(global_orient.to(dtype), 1, 'global_orient')
            rotations = torch.cat(
                [root, self._rotations(body_pose.to(dtype), NUM_JOINTS - 1, 'body_pose')], dim=1
            )
            vertices, joints = self._pose(self._checked_betas(betas.to(dtype), root), rotations)
            joints = self._joints54(joints, vertices)
            if transl is not None:
                vertices, joints = vertices + transl[:, None], joints + transl[:, None]
        return BodyOutput(vertices=vertices, joints=joints)

    def joints49(self, joints: Tensor) -> Tensor:
        """Reorder the set `smpl54` into the 49 joints of training and evaluation (set `spin49`).

        Shapes: B batch.
            joints: (B, 54, 3).  returns: (B, 49, 3).
        """
        return joints.index_select(1, self.spin49_index)

    def joints_from_vertices(self, vertices: Tensor) -> Tensor:
        """Joints of a mesh whose pose is not known, such as that of a vertex regressor.

        Shapes: B batch, V vertices; same unit and frame in and out.
            vertices: (B, V, 3).  returns: (B, 54, 3), set `smpl54`.
        """
        return self._joints54(self.joints_table(vertices), vertices)

    def regress(self, vertices: Tensor, name: str) -> Tensor:
        """Joints of another set, by the body's own regressor for it.

        Args:
            vertices: The body's mesh.
            name: Name of the joint set, such as `h36m17`.

        Raises:
            KeyError: The body has no regressor for this set.

        Shapes: B batch, V vertices, K joints of the set; same unit and frame in and out.
            vertices: (B, V, 3).  returns: (B, K, 3).
        """
        if name not in self.regressors:
            raise self._missing_regressor(name)
        return self.regressors[name](vertices)

    def add_regressor(self, name: str, regressor: JointRegressor) -> None:
        """Let the body regress one more joint set.

        Raises:
            ValueError: The regressor is of another topology or size.
        """
        self.check_topology(regressor.topology, f'joint regressor {name!r}')
        self._check_size(regressor, f'joint regressor {name!r}')
        self.regressors[name] = regressor

    def check_topology(self, tag: str, what: str) -> None:
        """Refuse a table or a label that speaks of another body's vertices.

        Args:
            tag: Topology of the table.
            what: What it is, for the message.

        Raises:
            BodyMismatchError: `tag` is not this body's topology.
        """
        if tag != self.topology:
            raise BodyMismatchError(
                f'{what} is made for topology {tag!r}, but this body is {self.topology!r}: '
                'vertex tables cannot be used with another body'
            )

    @property
    def pyramid(self) -> MeshPyramid:
        """Coarser copies of the mesh."""
        return self._table('pyramid')

    @property
    def atlas(self) -> BodyAtlas:
        """Part and (u, v) of each face."""
        return self._table('atlas')

    @property
    def markers(self) -> Tensor:
        """Vertex ids of the 67 markers that features are sampled at.

        Shapes: returns: (67,) int64.
        """
        return self._table('markers').index

    @property
    def marker_names(self) -> tuple[str, ...]:
        """Name of each marker."""
        return self._table('markers').names

    @property
    def mean_params(self) -> MeanParams:
        """The body and camera that an estimator starts from, on the body's device."""
        if self.mean_betas is None:
            raise FileNotFoundError(self._missing_table('mean_params'))
        return MeanParams(
            global_orient=self.mean_pose[:1],
            body_pose=self.mean_pose[1:],
            betas=self.mean_betas,
            weak_cam=self.mean_weak_cam,
        )

    def _put_arrays(self, arrays: BodyArrays) -> None:
        num, joints, features = self.num_vertices, NUM_JOINTS, 9 * (NUM_JOINTS - 1)
        expected = {
            'v_template': (num, 3),
            'shapedirs': (num, 3, self.num_betas),
            'posedirs': (num, 3, features),
            'weights': (num, joints),
            'j_regressor': (joints, num),
            'parents': (joints,),
            'faces': (len(arrays.faces), 3),
        }
        for name, shape in expected.items():
            got = getattr(arrays, name).shape
            if got != shape:
                raise ValueError(f'body array {name!r} must have shape {shape}, got {got}')
        parents = tuple(int(p) for p in arrays.parents)
        self.joint_groups = joint_groups(parents)
        template = np.asarray(arrays.v_template, np.float64)
        shape = np.asarray(arrays.shapedirs, np.float64)
        rest = arrays.j_regressor.astype(np.float64)
        dirs = np.concatenate([arrays.shapedirs, arrays.posedirs], axis=2)
        self._put('parents', arrays.parents, np.int64)
        self._put('faces', arrays.faces, np.int64)
        self._put('v_template', template.T.reshape(-1))  # (3V,), x of all vertices first
        self._put('blend_dirs', dirs.transpose(2, 1, 0).reshape(dirs.shape[2], -1))  # (S + 207, 3V)
        self._put('skin_weights', arrays.weights.T)  # (24, V)
        self._put('j_template', rest @ template)  # (24, 3)
        self._put('j_shapedirs', np.einsum('jv,vcs->sjc', rest, shape).reshape(self.num_betas, -1))
        self._put('identity', np.eye(3))
        self._put('spin49_index', np.asarray(SMPL54_TO_SPIN49), np.int64)

    def _put_tables(self, tables: BodyTables) -> None:
        self.regressors = nn.ModuleDict()
        for name in ('landmarks', 'extra_joints', 'joints', 'markers', 'pyramid', 'atlas'):
            table = getattr(tables, name)
            if table is not None:
                self.check_topology(table.topology, f'table {name!r}')
                self._check_size(table, f'table {name!r}')
            self.add_module(f'{name}_table', table)
        for name, regressor in (tables.regressors or {}).items():
            self.add_regressor(name, regressor)
        mean = tables.mean_params
        for name in ('mean_pose', 'mean_betas', 'mean_weak_cam'):
            self.register_buffer(name, None, persistent=False)
        if mean is not None:
            self.mean_pose = torch.cat([mean.global_orient, mean.body_pose]).clone()
            self.mean_betas, self.mean_weak_cam = mean.betas.clone(), mean.weak_cam.clone()

    def _put(self, name: str, array: np.ndarray, dtype: type = np.float32) -> None:
        array = np.ascontiguousarray(array, dtype=dtype)
        self.register_buffer(name, torch.from_numpy(array.copy()), persistent=False)

    def _table(self, name: str) -> nn.Module:
        table = getattr(self, f'{name}_table')
        if table is None:
            raise FileNotFoundError(self._missing_table(name))
        return table

    def _check_size(self, table: nn.Module, what: str) -> None:
        if isinstance(table, BodyAtlas):
            fits = len(table.part) == len(self.faces)
        elif isinstance(table, VertexSet):
            fits = int(table.index.max()) < self.num_vertices
        else:
            fits = table.num_vertices == self.num_vertices
        if not fits:
            raise ValueError(
                f'{what} does not fit a body of {self.num_vertices} vertices '
                f'and {len(self.faces)} faces'
            )

    def _missing_table(self, name: str) -> str:
        return f'this {self.topology!r} body was built without its table {name!r}'

    def _missing_regressor(self, name: str) -> Exception:
        return KeyError(
            f'this {self.topology!r} body has no regressor for joint set {name!r}; '
            f'it has {sorted(self.regressors)}'
        )

    def _checked_betas(self, betas: Tensor, root: Tensor) -> Tensor:
        if betas.ndim != 2 or betas.shape[1] != self.num_betas:
            raise ValueError(
                f'betas must have shape (B, {self.num_betas}), got {tuple(betas.shape)}'
            )
        if betas.shape[0] != root.shape[0]:
            raise ValueError(
                f'betas are of {betas.shape[0]} bodies, global_orient is of {root.shape[0]}'
            )
        return betas

    def _rotations(self, value: Tensor, joints: int, name: str) -> Tensor:
        batch, shape = value.shape[0], tuple(value.shape[1:])
        if shape == (joints, 3, 3):
            return value
        if shape in ((joints, 3), (joints * 3,)):
            return axis_angle_to_rotmat(value.reshape(batch, joints, 3))
        raise ValueError(
            f'{name} must have shape (B, {joints}, 3, 3), (B, {joints}, 3) or (B, {joints * 3}), '
            f'got {tuple(value.shape)}'
        )

    def _pose(self, betas: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices (B, V, 3) and the 24 joints (B, 24, 3) of rotations (B, 24, 3, 3)."""
        batch, size = rotations.shape[0], self.num_vertices
        pose_feature = (rotations[:, 1:] - self.identity).flatten(1)
        features = torch.cat([betas, pose_feature], dim=1)
        points = torch.addmm(self.v_template, features, self.blend_dirs).reshape(batch, 3, size)
        rest = self.j_template + torch.matmul(betas, self.j_shapedirs).reshape(batch, NUM_JOINTS, 3)
        matrices, joints = kinematic_chain(rotations, rest, self.parents, self.joint_groups)
        posed = skin(points, self.skin_weights, matrices, joints, rest)
        return posed.transpose(1, 2).contiguous(), joints

    def _joints54(self, joints: Tensor, vertices: Tensor) -> Tensor:
        landmarks, extra = self._table('landmarks')(vertices), self._table('extra_joints')(vertices)
        return torch.cat([joints, landmarks, extra], dim=1)
