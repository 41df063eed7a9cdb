"""Human mesh recovery in world space: model, camera calibrator and orientation module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from whmr.body_models import BodyModel
from whmr.geometry import full_precision, global_info, rotmat_to_pitch_roll
from whmr.keypoints import JOINT_SETS
from whmr.models.estimators.mesh_loss import build_terms, vertex_levels
from whmr.models.estimators.predictions import (
    add_camera_space,
    add_world_space,
    is_known,
    require,
)
from whmr.registry import BODY_MODELS, CAMERAS, MODELS, ORIENTATIONS, build_child
from whmr.structures import (
    BodyEstimate,
    CropMetas,
    HMRDataSample,
    HMRTargets,
    OrientationInputs,
    WorldTargets,
)
from whmr.structures.records import Record

TERMS = ('keypoints_3d', 'vertices', 'pose')
PELVIS = JOINT_SETS['spin49'].index('op_mid_hip')
PARTS = ('estimator', 'donor', 'camera', 'orientation')
CACHED = 'orientation'  # entry of `inputs` that stands for photos whose frozen parts have run
ROTATION_SOURCES = ('predicted', 'known', 'none')


@dataclass
class WorldEstimate(Record):
    """A body turned from camera axes into the gravity-aligned world.

    Shapes: B batch, V vertices, K joints of `spin49`.
    """

    global_orient_world: (
        Tensor  # (B, 1, 3, 3) model -> world; raw numbers while OrientCorrect trains
    )
    vertices_world: Tensor  # (B, V, 3) m, world axes, no translation
    joints_world: Tensor  # (B, K, 3) m, world axes, no translation


@MODELS.register_module()
class WorldHMR(BaseModel):
    """OrientCorrect on any camera-space model (W-HMR Sec. 3.3 and 3.4, Eq. 6).

    The wrapped model is used through its `estimate(inputs, metas) -> BodyEstimate` alone and is not
    touched: its pose, shape and camera-space result are returned as they are.

    Args:
        body_model: A config of `BODY_MODELS`, or a built body: the topology of the wrapped model's
            parameters.
        estimator: A config of `MODELS`, or a built camera-space model with an `estimate` method.
        orientation: A config of `ORIENTATIONS`, or a built module.
        donor: A config of `MODELS`, or a built camera-space model, whose feature and orientation
            the orientation module reads instead of the wrapped model's: the paper's *transplant*
            (Table 7), in which a whole W-HMR says the orientation and the wrapped model pose and
            shape. Its body must be of the same topology.
        camera: A config of `CAMERAS`, or a built calibrator; needed for
            `rotation_source='predicted'`.
        frozen: Parts that stage III leaves alone (Sec. 3.4): no gradient and evaluation mode,
            BatchNorm and dropout included, also while the rest trains.
        rotation_source: Where the camera rotation comes from. `predicted`: the calibrator, or the
            user's own where a sample's `camera` gives it; `known`: the labels (an evaluation
            setting); `none`: identity.
        losses: Config of the world terms, any of `keypoints_3d`, `vertices`, `pose`. Needed for
            `mode='loss'`.
        data_preprocessor: A config of `MODELS`.
        init_cfg: MMEngine's weight initialisation.

    Raises:
        ValueError: On an unknown part, rotation source or loss term, or `predicted` without a
            calibrator, or parts of different body topologies.

    Shapes: B batch, N photos.
        inputs['crop']: (B, 3, h, w), normalised.  inputs['full']: N photos (3, H, W), normalised;
        `metas.image_index` says which of them each crop comes from.
        Instead of both, for `mode='loss'`: inputs['orientation'], `OrientationInputs`, what the
        frozen parts made of the photos before.
    """

    def __init__(
        self,
        body_model: Mapping[str, Any] | BodyModel,
        estimator: Mapping[str, Any] | nn.Module,
        *,
        orientation: Mapping[str, Any] | nn.Module,
        donor: Mapping[str, Any] | nn.Module | None = None,
        camera: Mapping[str, Any] | nn.Module | None = None,
        frozen: Sequence[str] = ('estimator', 'donor', 'camera'),
        rotation_source: str = 'predicted',
        losses: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | nn.Module | None = None,
        init_cfg: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.body_model = build_child(BODY_MODELS, body_model)
        self.estimator = build_child(MODELS, estimator)
        self.donor = build_child(MODELS, donor)
        self.camera = build_child(CAMERAS, camera)
        self.orientation = build_child(ORIENTATIONS, orientation)
        self.terms = None if losses is None else build_terms(losses, TERMS, 'WorldHMR')
        if rotation_source not in ROTATION_SOURCES:
            raise ValueError(f'rotation_source={rotation_source!r}: one of {ROTATION_SOURCES}')
        if rotation_source == 'predicted' and camera is None:
            raise ValueError("rotation_source='predicted' needs a `camera`, e.g. type='CamCalib'")
        self.rotation_source = rotation_source
        unknown = sorted(set(frozen) - set(PARTS))
        if unknown:
            raise ValueError(f'frozen: unknown parts {unknown}; it takes {list(PARTS)}')
        self.frozen = tuple(frozen)
        self._check_topologies()
        for part in self._frozen_modules():
            part.requires_grad_(False)
        self.train(self.training)

    def train(self, mode: bool = True) -> WorldHMR:
        """Training mode for what trains; frozen parts stay in evaluation mode."""
        super().train(mode)
        for part in self._frozen_modules():
            part.eval()
        return self

    def forward(
        self,
        inputs: Mapping[str, Any],
        metas: CropMetas | None = None,
        targets: HMRTargets | None = None,
        data_samples: list[HMRDataSample] | None = None,
        mode: str = 'tensor',
    ) -> tuple[BodyEstimate, WorldEstimate] | dict[str, Tensor] | list[HMRDataSample]:
        """MMEngine's three modes: `tensor` (camera- and world-space estimates), `loss`, `predict`.

        Raises:
            ValueError: On an unknown mode, or labels or data samples missing for it.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise ValueError(f"mode={mode!r}: expected 'tensor', 'loss' or 'predict'")
        if mode == 'loss':
            require({'targets': targets, 'losses': self.terms})
        if mode == 'predict':
            require({'data_samples': data_samples})
        if CACHED in inputs:
            self._check_replay(mode)
            return self.loss(self.turn(inputs[CACHED]), targets)
        require({'metas': metas})
        estimate, camera, ready = self.prepare(inputs, metas, targets)
        world = self.turn(ready)
        if mode == 'tensor':
            return estimate, world
        if mode == 'loss':
            return self.loss(world, targets)
        samples = add_camera_space(data_samples, estimate, metas)
        return add_world_space(samples, vars(world), camera)

    def prepare(
        self, inputs: Mapping[str, Any], metas: CropMetas, targets: HMRTargets | None = None
    ) -> tuple[BodyEstimate, dict[str, Tensor], OrientationInputs]:
        """All that comes before the orientation module: in stage III, all that is frozen.

        Returns:
            The camera-space estimate, the camera (`world2cam_rotmat`, `pitch`, `roll` and, where
            predicted, `vfov`), and what the orientation module and the turning of the mesh need.
        """
        estimate = self._estimate(inputs, metas)
        source = estimate
        if self.donor is not None:
            with self._gradient('donor'):
                source = self.donor.estimate(inputs, metas)
        camera = self._camera(inputs, metas, targets)
        posed = estimate.posed_vertices is not None
        ready = OrientationInputs(
            body_feat=source.body_feat,
            global_info=global_info(metas.bbox_center, metas.bbox_size, metas.full_shape),
            world2cam_rotmat=camera['world2cam_rotmat'],
            global_orient=source.global_orient,
            own_global_orient=estimate.global_orient,
            vertices=estimate.posed_vertices if posed else estimate.vertices,
            joints=estimate.posed_joints if posed else estimate.joints,
        )
        return estimate, camera, ready

    def turn(self, ready: OrientationInputs) -> WorldEstimate:
        """The orientation module's word, and the mesh turned by it."""
        orient = self.orientation(
            ready.body_feat, ready.global_info, ready.world2cam_rotmat, ready.global_orient
        )
        # The body is linear in its root rotation, so the posed mesh need only be turned about the
        # pelvis.
        with full_precision(orient):
            orient = orient.to(ready.vertices.dtype)
            pelvis = ready.joints[:, PELVIS : PELVIS + 1]
            turn = (orient @ ready.own_global_orient.to(orient.dtype).mT).squeeze(1)
            return WorldEstimate(
                global_orient_world=orient,
                vertices_world=_turn(ready.vertices, turn, pelvis),
                joints_world=_turn(ready.joints, turn, pelvis),
            )

    def loss(self, world: WorldEstimate, targets: HMRTargets | WorldTargets) -> dict[str, Tensor]:
        """World joints, vertices (three resolutions) and orientation against their labels."""
        has = targets.has_world
        terms = self.terms
        losses: dict[str, Tensor] = {}
        if 'keypoints_3d' in terms:
            confident = torch.ones_like(targets.joints_world[..., 0])
            losses['loss_keypoints_3d_world'] = terms['keypoints_3d'](
                world.joints_world, targets.joints_world, confident, has
            )
        if 'vertices' in terms:
            predicted = vertex_levels(self.body_model, world.vertices_world)
            labelled = vertex_levels(self.body_model, targets.vertices_world)
            losses['loss_vertices_world'] = sum(
                terms['vertices'](p, t, has) for p, t in zip(predicted, labelled, strict=True)
            )
        if 'pose' in terms:
            losses['loss_pose_world'] = terms['pose'](
                world.global_orient_world, targets.global_orient_world, has
            )
        return losses

    def _frozen_modules(self) -> list[nn.Module]:
        parts = (getattr(self, name) for name in self.frozen)
        return [part for part in parts if part is not None]

    def _gradient(self, part: str) -> torch.set_grad_enabled:
        return torch.set_grad_enabled(torch.is_grad_enabled() and part not in self.frozen)

    def _check_topologies(self) -> None:
        for name in ('estimator', 'donor'):
            body = getattr(getattr(self, name), 'body_model', None)
            if body is not None:
                self.body_model.check_topology(body.topology, f'WorldHMR: the {name}')

    def _check_replay(self, mode: str) -> None:
        if mode != 'loss':
            raise ValueError(f'cached features are for training: mode={mode!r} needs photos')
        training = {'estimator', 'donor'} - set(self.frozen)
        if self.donor is None:
            training.discard('donor')
        if training:
            raise ValueError(
                f'cached features stand for frozen parts, but {sorted(training)} of WorldHMR '
                'train: freeze them, or train without the cache'
            )

    def _estimate(self, inputs: Mapping[str, Any], metas: CropMetas) -> BodyEstimate:
        with self._gradient('estimator'):
            estimate = self.estimator.estimate(inputs, metas)
            if estimate.vertices is not None and estimate.joints is not None:
                return estimate
            body = self.body_model(
                betas=estimate.betas,
                global_orient=estimate.global_orient,
                body_pose=estimate.body_pose,
            )
            joints = self.body_model.joints49(body.joints)
            return replace(estimate, vertices=body.vertices, joints=joints)

    def _camera(
        self, inputs: Mapping[str, Any], metas: CropMetas, targets: HMRTargets | None
    ) -> dict[str, Tensor]:
        """`world2cam_rotmat` (B, 3, 3), `pitch`, `roll` and, where predicted, `vfov`."""
        if self.rotation_source == 'none':
            eye = torch.eye(3, device=metas.crop2full.device, dtype=metas.full_shape.dtype)
            return _with_angles(eye.expand(metas.full_shape.shape[0], 3, 3))
        if self.rotation_source == 'known':
            if targets is None or not bool(targets.has_world2cam.all()):
                raise ValueError(
                    "rotation_source='known': a sample has no label `world2cam_rotmat`; "
                    "use 'predicted'"
                )
            return _with_angles(targets.world2cam_rotmat)
        given = metas.known_world2cam_rotmat
        known = None if given is None else is_known(given)
        if known is not None and bool(known.all()):
            return _with_angles(given)
        if 'full' not in inputs:
            raise ValueError(
                "inputs has no 'full': the camera calibrator reads the whole photo; "
                'add `ResizeFull` to the pipeline'
            )
        cameras = self.camera.predict(inputs['full'])[metas.image_index]
        rotmat = cameras.world2cam_rotmat
        if known is not None:
            rotmat = torch.where(known[:, None, None], given, rotmat)
        return {**_with_angles(rotmat), 'vfov': cameras.vfov}


def _turn(points: Tensor, rotation: Tensor, pivot: Tensor) -> Tensor:
    return (points - pivot) @ rotation.mT + pivot


def _with_angles(rotmat: Tensor) -> dict[str, Tensor]:
    pitch, roll = rotmat_to_pitch_roll(rotmat)
    return {'world2cam_rotmat': rotmat, 'pitch': pitch, 'roll': roll}
