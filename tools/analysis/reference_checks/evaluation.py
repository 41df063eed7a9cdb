"""Every output of a forward pass in evaluation, under the names of the recorded ones."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from reference_checks.folder import Case, ReferenceFolder
from reference_checks.model import Variant, crop_metas
from reference_checks.rows import Row, compare, output_tolerance
from whmr.geometry import (
    global_info,
    pitch_roll_to_rotmat,
    project_crop,
    rotmat_to_axis_angle,
)
from whmr.keypoints import H36M17_TO_J14
from whmr.models.estimators import WHMR, StepOutput
from whmr.structures import CropMetas

CROP_REPEAT, PHOTO_REPEAT = 4, 10
EVERY = 40  # vertex that is recorded, of the full mesh
EVERY_LEVEL1 = 8


def check_evaluation(folder: ReferenceFolder, case: Case, variant: Variant) -> list[Row]:
    """Compare every recorded output of a forward pass; one that we do not give is a difference."""
    ours = {name: value.numpy() for name, value in forward(folder, case, variant).items()}
    rows = []
    for key, reference in case.data.items():
        if key.startswith('out_'):
            name = key.removeprefix('out_')
            allowed = output_tolerance(_noise_name(name), reference, variant.noise)
            value = ours.get(name, np.empty(0))
            rows.append(compare(case.name, 'output', name, value, reference, allowed))
    return rows


@torch.inference_mode()
def forward(folder: ReferenceFolder, case: Case, variant: Variant) -> dict[str, Tensor]:
    """All outputs, sub-sampled as the recorded ones."""
    world = variant.model.float().eval()
    crop = folder.image(case.data['in_crop_u8'], CROP_REPEAT)
    photos = folder.image(case.data['in_full_u8'], PHOTO_REPEAT)
    metas = crop_metas(case, crop)
    inputs = dict(crop=crop, full=list(photos))
    estimator = world.estimator
    with _watched(estimator) as (maps, feats):
        output = estimator.refine(inputs, metas)
    outputs = _maps(estimator, maps) | _camera(world, photos)
    info = global_info(metas.bbox_center, metas.bbox_size, metas.full_shape)
    outputs |= {'Tz': output.distance, 'body_feat': torch.cat([output.body_feat, info], 1)}
    outputs['Tz_tokens'] = estimator.focal_head.tokens(output.feature_map)
    outputs['body_feat2'] = torch.cat([feats[1], info], 1)
    outputs |= _mean_mesh(estimator, metas)
    for number, step in enumerate(output.steps, start=1):
        outputs |= {f's{number}_{name}': value for name, value in _step(estimator, step).items()}
    estimate, turned = world(inputs, metas)
    orient = turned.global_orient_world
    pose = torch.cat([orient, estimate.body_pose], 1)
    unturned = torch.eye(3).expand(len(info), 3, 3)
    rotation = outputs['cam_rotmat']
    outputs |= {
        'global_rotmat': orient,
        'global_pose': rotmat_to_axis_angle(pose).flatten(1),
        'global_kp_3d': turned.joints_world,
        'global_verts': turned.vertices_world[:, ::EVERY],
        'last_kp_3d_J14': _j14(estimator, output.steps[-1].vertices),
        'global_kp_3d_J14': _j14(estimator, turned.vertices_world),
        'global_rotmat_nocam': world.orientation(
            output.body_feat, info, unturned, estimate.global_orient
        ),
    }
    if feats[1].shape == output.body_feat.shape:
        outputs['global_rotmat_alt_body_feat2'] = world.orientation(
            feats[1], info, rotation, estimate.global_orient
        )
    return outputs


@contextmanager
def _watched(estimator: WHMR) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """Lists that a forward pass in the block fills: maps, and what each regressor reads."""
    maps, feats = [], []
    handles = [
        estimator.backbone.register_forward_hook(lambda module, args, out: maps.append(out)),
        estimator.neck.register_forward_hook(lambda module, args, out: maps.extend(out)),
        *(
            regressor.register_forward_pre_hook(lambda module, args: feats.append(args[0]))
            for regressor in estimator.regressors
        ),
    ]
    try:
        yield maps, feats
    finally:
        for handle in handles:
            handle.remove()


def _maps(estimator: WHMR, maps: list[Tensor]) -> dict[str, Tensor]:
    """Feature maps and auxiliary maps."""
    outputs = {}
    for number, feature_map in enumerate(maps):
        outputs[f'feat{number}_sub'] = feature_map[:, ::16, ::4, ::4]
        outputs[f'feat{number}_mean_std'] = torch.stack([feature_map.mean(), feature_map.std()])
    dense = estimator.iuv_head(maps[-1])
    names = ('predict_u', 'predict_v', 'predict_uv_index', 'predict_ann_index')
    outputs |= {f'dp_{name}_sub': part[:, :, ::8, ::8] for name, part in zip(names, dense)}
    return outputs | {'depth_sub': estimator.depth_head(maps[-1])[:, :, ::4, ::4]}


def _camera(world: torch.nn.Module, photos: Tensor) -> dict[str, Tensor]:
    logits = world.camera(photos)
    camera = world.camera.decode(logits)
    return {
        **{f'cam_logits_{name}': value for name, value in logits._asdict().items()},
        'cam_vfov': camera.vfov,
        'cam_pitch': camera.pitch,
        'cam_roll': camera.roll,
        'cam_rotmat': camera.world2cam_rotmat,
        'cam_render_rotmat': pitch_roll_to_rotmat(-camera.pitch, camera.roll),
    }


def _mean_mesh(estimator: WHMR, metas: CropMetas) -> dict[str, Tensor]:
    """Step 0, which the release computes and nothing reads: the mean body."""
    body, batch = estimator.body_model, len(metas.full_shape)
    mean = body.mean_params
    rotmat = torch.cat([mean.global_orient, mean.body_pose]).expand(batch, -1, -1, -1)
    betas, weak_cam = mean.betas.expand(batch, -1), mean.weak_cam.expand(batch, -1)
    posed = body(betas, rotmat[:, :1], rotmat[:, 1:])
    joints = body.joints49(posed.joints)
    outputs = _mesh(estimator, posed.vertices) | {
        'kp_3d': joints,
        'kp_2d': project_crop(joints, weak_cam, metas.crop_size),
        'rotmat': rotmat,
        'pose': rotmat_to_axis_angle(rotmat).flatten(1),
        'pred_pose': rotmat.flatten(1),
        'pred_shape': betas,
        'pred_cam': weak_cam,
    }
    return {f's0_{name}': value for name, value in outputs.items()}


def _step(estimator: WHMR, step: StepOutput) -> dict[str, Tensor]:
    outputs = _mesh(estimator, step.vertices) | {
        'kp_3d': step.joints,
        'kp_2d': step.keypoints_2d_crop,
        'kp_2d_w': step.keypoints_2d_full,
        'rotmat': step.rotmat,
        'pose': rotmat_to_axis_angle(step.rotmat).flatten(1),
        'pred_pose': step.pose.flatten(1),
        'pred_shape': step.betas,
        'pred_cam': step.weak_cam,
        'pred_cam_t': step.cam_t,
        'focal_length': step.focal_length,
    }
    if step.level1 is not None:
        outputs |= {'sub_verts': step.level1[:, ::EVERY_LEVEL1], 'temp_verts': step.level2}
    return outputs


def _mesh(estimator: WHMR, vertices: Tensor) -> dict[str, Tensor]:
    body = estimator.body_model
    return {
        'verts': vertices[:, ::EVERY],
        'sub_verts': body.pyramid.down(vertices, 1)[:, ::EVERY_LEVEL1],
        'temp_verts': body.pyramid.down(vertices, 2),
        'markers': vertices[:, body.markers],
        # The release reads these joints off the posed mesh, those of `kp_3d` off the skeleton.
        'smpl_kp_3d': body.joints_from_vertices(vertices)[:, :45],
    }


def _j14(estimator: WHMR, vertices: Tensor) -> Tensor:
    joints = estimator.body_model.regress(vertices, 'h36m17')
    return joints[:, list(H36M17_TO_J14)] - joints[:, :1]


def _noise_name(name: str) -> str:
    """The output whose noise was recorded, for those whose own was not."""
    if name.startswith('global_rotmat'):
        return 'global_rotmat'
    return {'global_kp_3d_J14': 'global_kp_3d', 'last_kp_3d_J14': 's3_kp_3d'}.get(name, name)
