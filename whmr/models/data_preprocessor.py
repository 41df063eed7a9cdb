"""From the data loader's lists to the batched records of an estimator."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn

from whmr.body_models import BodyMismatchError, BodyModel
from whmr.geometry import (
    apply_affine,
    full_precision,
    invert_affine,
    normalize_full,
    square_crop_normalize,
)
from whmr.keypoints import JOINT_SETS
from whmr.models.label_maps import LabelledBodies, LabelMapRenderer
from whmr.registry import BODY_MODELS, MODELS, build_child
from whmr.structures import CropMetas, HMRDataSample, HMRTargets

NUM_KEYPOINTS = len(JOINT_SETS['spin49'].joints)
NUM_BETAS = 10

# Fields of the labels, without the leading axis.
INSTANCE_FIELDS: dict[str, tuple[int, ...]] = {
    'keypoints_2d': (NUM_KEYPOINTS, 2),
    'keypoints_2d_conf': (NUM_KEYPOINTS,),
    'keypoints_3d': (NUM_KEYPOINTS, 3),
    'keypoints_3d_conf': (NUM_KEYPOINTS,),
    'global_orient': (1, 3, 3),
    'body_pose': (23, 3, 3),
    'betas': (NUM_BETAS,),
    'cam_t': (3,),
    'global_orient_world': (1, 3, 3),
}
INSTANCE_FLAGS = ('has_keypoints_3d', 'has_smpl', 'has_cam_t', 'has_world')
CAMERA_FIELDS: dict[str, tuple[int, ...]] = {'intrinsics': (3, 3), 'world2cam_rotmat': (3, 3)}
CAMERA_FLAGS = ('has_focal_length', 'has_world2cam')


@MODELS.register_module()
class HMRDataPreprocessor(BaseDataPreprocessor):
    """Stacks, normalises, and derives every target once, batched, on the device.

    The body model turns parameter labels into meshes; world meshes are the same meshes turned about
    the pelvis joint. 3D keypoints are those that are labelled; they are never filled in from the
    body model. A missing label is zeros with its `has_` False. A batch without any label container
    (inference) has no targets. When not training, the meshes and joints are also written into
    `gt_instances` for the metrics.

    Args:
        body_model: The body of the labels (config or module); None: no meshes, for camera-only
            training.
        mean: Channel means, 0..255, in the order of the network's channels.
        std: Channel standard deviations, 0..255.
        bgr_to_rgb: Turn BGR pictures (mmcv's order) to RGB.
        render_maps: Draw IUV and depth targets in training: arguments of `LabelMapRenderer`, such
            as `dict(shape=(128, 96))`; None = no maps.
        gendered_body_models: `male` and `female` bodies for labels that are made with those.
        non_blocking: Copy to the device without waiting.

    Raises:
        ValueError: An argument is wrong, or maps are wanted without a body model.

    Shapes: B batch, h and w the crop, H' and W' the resized full image.
        data: `inputs` of lists `crop` (3, h, w) and `full` (3, H', W') uint8; `data_samples` list.
        returns: `inputs`: `crop` (B, 3, h, w), `full` list of (3, H', W'), float32 normalised;
        `metas` CropMetas; `targets` HMRTargets or None; `data_samples`.
    """

    def __init__(
        self,
        body_model: dict | BodyModel | None = None,
        *,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        bgr_to_rgb: bool = True,
        render_maps: Mapping[str, Any] | None = None,
        gendered_body_models: Mapping[str, dict | BodyModel] | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError(f'mean and std must be 3 numbers, std positive, got {mean} and {std}')
        for name, value in (('mean', mean), ('std', std)):
            buffer = torch.tensor(value, dtype=torch.float32).view(3, 1, 1)
            self.register_buffer(name, buffer, persistent=False)
        self.bgr_to_rgb = bgr_to_rgb
        gendered = dict(gendered_body_models or {})
        if not set(gendered) <= {'male', 'female'}:
            raise ValueError(
                f"gendered_body_models may have 'male' and 'female', got {sorted(gendered)}"
            )
        if body_model is None and (gendered or render_maps is not None):
            raise ValueError('render_maps and gendered_body_models need a body_model')
        self.body_model = build_child(BODY_MODELS, body_model)
        self.gendered_body_models = nn.ModuleDict(
            {gender: build_child(BODY_MODELS, child) for gender, child in gendered.items()}
        )
        self.map_renderer = None if render_maps is None else LabelMapRenderer(**render_maps)

    @torch.no_grad()
    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Make a batch.

        Args:
            data: What the data loader gives (lists, by `pseudo_collate`).
            training: Whether the batch is trained on: maps are drawn, and nothing is written for
                metrics.

        Raises:
            BodyMismatchError: A label belongs to another body.
            ValueError: The pictures or labels do not fit together.

        Shapes: as in the class.
        """
        data = self.cast_data(data)
        samples = list(data['data_samples'])
        inputs = self._pictures(data['inputs'])
        metas = self._metas(inputs, samples)
        targets = None
        if any('gt_instances' in s or 'gt_camera' in s for s in samples):
            with full_precision(metas.crop2full):  # trainers call this under autocast
                targets = self._targets(samples, metas, training)
        return {'inputs': inputs, 'metas': metas, 'targets': targets, 'data_samples': samples}

    def _pictures(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        pictures: dict[str, Any] = {}
        if 'crop' in inputs:
            crops = list(inputs['crop'])
            shapes = {tuple(crop.shape) for crop in crops}
            if len(shapes) > 1:
                raise ValueError(
                    f'crops of one batch have the shapes {sorted(shapes)}: '
                    'use one crop_shape in CropPerson'
                )
            pictures['crop'] = self._normalise(torch.stack(crops))
        if 'full' in inputs:
            pictures['full'] = [self._normalise(full) for full in inputs['full']]
        return pictures

    def _normalise(self, picture: Tensor) -> Tensor:
        if self.bgr_to_rgb:
            picture = picture.flip(-3)
        return (picture.float() - self.mean) / self.std

    def _tensor(self, values: Any) -> Tensor:
        return torch.as_tensor(np.asarray(values, np.float32), device=self.device)

    def _metas(self, inputs: Mapping[str, Any], samples: list[HMRDataSample]) -> CropMetas:
        """Where the crops lie; without crops (camera-only training) each is the whole photo."""
        batch = len(samples)
        full_shape = self._tensor([sample.ori_shape for sample in samples])
        if 'crop' in inputs:
            crop_shape = tuple(inputs['crop'].shape[-2:])
            crop2full = torch.stack([self._tensor(sample.crop2full) for sample in samples])
        else:
            crop_shape = tuple(int(n) for n in samples[0].ori_shape)
            crop2full = torch.eye(3, device=self.device)[:2].repeat(batch, 1, 1)
        if all('image_index' in sample for sample in samples):
            image_index = [sample.image_index for sample in samples]
        else:
            image_index = list(range(batch))
        num_images = len(inputs.get('full', samples))
        if max(image_index) >= num_images:
            raise ValueError(
                f'{batch} samples have {num_images} full image(s): give every sample an image_index'
            )
        return CropMetas(
            crop2full=crop2full,
            full_shape=full_shape,
            crop_shape=crop_shape,
            image_index=torch.tensor(image_index, dtype=torch.int64, device=self.device),
            known_focal_length=self._known(samples, 'focal_length', ()),
            known_world2cam_rotmat=self._known(samples, 'world2cam_rotmat', (3, 3)),
        )

    def _known(
        self, samples: list[HMRDataSample], name: str, shape: tuple[int, ...]
    ) -> Tensor | None:
        """What the user knows of the cameras, NaN where unknown; None if nothing is known."""
        found = [name in s.camera if 'camera' in s else False for s in samples]
        if not any(found):
            return None
        known = torch.full((len(samples), *shape), torch.nan, device=self.device)
        for index, sample in enumerate(samples):
            if found[index]:
                known[index] = sample.camera[name].reshape(shape)
        return known

    def _targets(
        self, samples: list[HMRDataSample], metas: CropMetas, training: bool
    ) -> HMRTargets:
        labels = self._stack(samples, 'gt_instances', INSTANCE_FIELDS, INSTANCE_FLAGS)
        labels |= self._stack(samples, 'gt_camera', CAMERA_FIELDS, CAMERA_FLAGS)
        has_smpl = labels['has_smpl']
        labels['has_world'] = labels['has_world'] & has_smpl
        vertices, joints, pelvis = self._bodies(samples, labels)
        turn = labels['global_orient_world'][:, 0] @ labels['global_orient'][:, 0].mT
        turn = turn * labels['has_world'][:, None, None]
        origin = pelvis * labels['has_world'][:, None, None]
        keypoints = labels.pop('keypoints_2d')
        keypoints_crop = apply_affine(invert_affine(metas.crop2full), keypoints)
        intrinsics = labels.pop('intrinsics')
        targets = HMRTargets(
            keypoints_2d_crop=square_crop_normalize(keypoints_crop, metas.crop_shape),
            keypoints_2d_full=normalize_full(keypoints, metas.full_shape),
            vertices=vertices,
            vertices_world=(vertices - pelvis) @ turn.mT + origin,
            joints_world=(joints - pelvis) @ turn.mT + origin,
            focal_length=intrinsics[:, 1, 1] * labels['has_focal_length'],
            **labels,
        )
        if training and self.map_renderer is not None:
            bodies = LabelledBodies(
                vertices,
                joints,
                keypoints_crop,
                targets.keypoints_2d_conf * has_smpl[:, None],
                targets.cam_t,
                intrinsics,
                has_smpl & targets.has_cam_t & targets.has_focal_length,
                metas.crop2full,
            )
            maps, drawn = self.map_renderer(self.body_model, bodies, metas.crop_shape)
            targets.iuv_index, targets.iuv_uv, targets.depth = maps
            targets.has_fields = drawn
        if not training:
            self._write_labels(samples, targets, joints)
        return targets

    def _stack(
        self,
        samples: list[HMRDataSample],
        container: str,
        fields: Mapping[str, tuple[int, ...]],
        flags: Sequence[str],
    ) -> dict[str, Tensor]:
        """Labels of a batch; zeros and False where a sample has none."""
        rows = [sample.get(container) for sample in samples]
        stacked = {}
        for name, shape in fields.items():
            empty = torch.zeros(1, *shape, device=self.device)
            found = [empty if row is None else row.get(name, empty) for row in rows]
            wrong = [tuple(value.shape) for value in found if value.shape != empty.shape]
            if wrong:
                raise ValueError(
                    f'{container}.{name} must have shape {tuple(empty.shape)}, got {wrong[0]}'
                )
            stacked[name] = torch.cat(found).float()
        nothing = torch.zeros(1, dtype=torch.bool, device=self.device)
        for name in flags:
            found = [nothing if row is None else row.get(name, nothing) for row in rows]
            stacked[name] = torch.cat(found).bool()
        return stacked

    def _bodies(
        self, samples: list[HMRDataSample], labels: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Vertices (B, V, 3), joints (B, 49, 3) and pelvis (B, 1, 3) of the labelled bodies."""
        batch, body = len(samples), self.body_model
        joints = torch.zeros(batch, NUM_KEYPOINTS, 3, device=self.device)
        pelvis = torch.zeros(batch, 1, 3, device=self.device)
        if body is None:
            return torch.zeros(batch, 0, 3, device=self.device), joints, pelvis
        vertices = torch.zeros(batch, body.num_vertices, 3, device=self.device)
        labels['betas'] = self._fitted_betas(labels['betas'])
        rows_of: dict[str, list[int]] = {}
        for row in labels['has_smpl'].nonzero(as_tuple=True)[0].tolist():
            body.check_topology(samples[row].topology, f'the label of {samples[row].img_path}')
            rows_of.setdefault(samples[row].get('gender', 'neutral'), []).append(row)
        for gender, found in rows_of.items():
            if gender != 'neutral' and gender not in self.gendered_body_models:
                raise BodyMismatchError(
                    f'the label of {samples[found[0]].img_path} belongs to the {gender} body: '
                    'give gendered_body_models=dict(male=..., female=...)'
                )
            rows = torch.tensor(found, device=self.device)
            own = body if gender == 'neutral' else self.gendered_body_models[gender]
            out = own(
                labels['betas'][rows], labels['global_orient'][rows], labels['body_pose'][rows]
            )
            vertices[rows] = out.vertices.float()
            joints[rows] = body.joints49(out.joints).float()
            pelvis[rows] = out.joints[:, :1].float()
        return vertices, joints, pelvis

    def _fitted_betas(self, betas: Tensor) -> Tensor:
        """Labels have 10 betas; a body may have more."""
        size = self.body_model.num_betas
        if size < NUM_BETAS and betas[:, size:].abs().max() > 0:
            raise BodyMismatchError(
                f'labels have {NUM_BETAS} betas, but the body model uses only {size}: '
                f'build it with num_betas={NUM_BETAS}'
            )
        if size <= NUM_BETAS:
            return betas[:, :size]
        return torch.cat([betas, betas.new_zeros(len(betas), size - NUM_BETAS)], dim=1)

    def _write_labels(
        self, samples: list[HMRDataSample], targets: HMRTargets, joints: Tensor
    ) -> None:
        """Give the metrics the meshes of the labels."""
        if self.body_model is None:
            return
        for index, sample in enumerate(samples):
            if 'gt_instances' in sample:
                row = slice(index, index + 1)
                sample.gt_instances.vertices = targets.vertices[row]
                sample.gt_instances.joints = joints[row]
                sample.gt_instances.vertices_world = targets.vertices_world[row]
                sample.gt_instances.joints_world = targets.joints_world[row]
