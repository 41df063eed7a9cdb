"""One training step: every loss term, and where its gradient goes."""

from collections import defaultdict
from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from reference_checks.evaluation import CROP_REPEAT, EVERY
from reference_checks.folder import Case, ReferenceFolder
from reference_checks.model import Variant, crop_metas
from reference_checks.rows import (
    ROUNDING,
    Row,
    compare,
    training_shares,
)
from whmr.geometry import axis_angle_to_rotmat
from whmr.models.estimators import WHMR, WHMROutput
from whmr.structures import CropMetas, HMRTargets

MAP_REPEAT, VIT_COLUMNS = 8, slice(16, 112)
BACKBONE = 'feature_extractor'
PREFIX = 'estimator.'
# Our term -> the release's; `{}` is the step.
TERMS = {
    'iuv_u': 'loss_U-1',
    'iuv_v': 'loss_V-1',
    'iuv_index': 'loss_IndexUV-1',
    'iuv_annotation': 'loss_segAnn-1',
    'depth': 'loss_Depth-1',
    'keypoints_2d_crop_s': 'loss_keypoints_{}',
    'keypoints_2d_full_s': 'loss_keypoints_world_{}',
    'keypoints_3d_s': 'loss_keypoints_3d_{}',
    'pose_s': 'loss_regr_pose_{}',
    'shape_s': 'loss_regr_betas_{}',
    'focal_s': 'loss_focal_length_{}',
    'camera_s': 'loss_cam_{}',
    'vertices_s': 'loss_shape_{}',
    'vertices_level1_s': 'loss_shape_sub_{}',
    'vertices_level2_s': 'loss_shape_temp_{}',
}


def check_training(
    folder: ReferenceFolder,
    case: Case,
    variant: Variant,
    backbone_terms: Collection[str] | None = None,
) -> list[Row]:
    """Compare a training step.

    Args:
        folder: Where the reference numbers are.
        case: The recorded step.
        variant: Its model; its weights stay as they are, its BatchNorm statistics change.
        backbone_terms: Terms whose gradient is followed through the backbone, which is slow; None:
            all. For the others it is only checked whether it gets there. The gradient of the sum
            of all terms is always compared, parameter by parameter.
    """
    dtype = torch.float32 if variant.is_vit else torch.float64
    estimator = variant.model.estimator.to(dtype)
    estimator.requires_grad_(True).train()
    crop = folder.image(case.data['in_crop_u8'], CROP_REPEAT).to(dtype)
    metas = crop_metas(case, crop)
    targets = make_targets(case, estimator, variant.is_vit, dtype)
    for head in estimator.vertex_regressors:
        seen = case.tensor('meta_mask', torch.bool)[..., 0]
        head.sample_mask = lambda batch, seen=seen: seen
    kept: list[Tensor] = []
    handle = estimator.backbone.register_forward_hook(lambda *args: kept.append(args[2]))
    output = estimator.refine({'crop': crop}, metas)
    handle.remove()
    losses = all_losses(case, estimator, output, metas, targets)
    for head in estimator.vertex_regressors:
        del head.sample_mask
    near, far = training_shares(case.data, variant.noise, 'vitpose' if variant.is_vit else 'res50')
    rows = _outputs(case, estimator, output, targets, near) + _terms(case, losses, near)
    rows += _gradients(case, variant, losses, kept[0], backbone_terms, far)
    return rows + _statistics(case, variant, near)


def make_targets(case: Case, estimator: WHMR, is_vit: bool, dtype: torch.dtype) -> HMRTargets:
    """The labels; joints that are not labelled in 3D are the 25 of OpenPose."""
    body = estimator.body_model
    has = case.tensor('has_smpl', torch.bool)
    batch = len(has)
    rotmat = axis_angle_to_rotmat(case.tensor('pose', dtype).reshape(batch, 24, 3))
    betas, joints = case.tensor('betas', dtype), case.tensor('pose_3d', dtype)
    with torch.no_grad():
        posed = body(betas, rotmat[:, :1], rotmat[:, 1:])
    joints_3d = torch.zeros(batch, 49, 3, dtype=dtype)
    conf_3d = torch.zeros(batch, 49, dtype=dtype)
    joints_3d[:, 25:], conf_3d[:, 25:] = joints[..., :3], joints[..., 3]
    iuv, inverse = (
        _grow(case.data[f'in_{k}_cells'], is_vit).to(dtype) for k in ('iuv', 'inv_depth')
    )
    depth = torch.where(inverse > 0, 1 / inverse.clamp(min=1e-9), inverse.new_zeros(()))
    keypoints, full = case.tensor('keypoints', dtype), case.tensor('keypoints_world', dtype)
    none, never = torch.zeros, torch.zeros(batch, dtype=torch.bool)
    return HMRTargets(
        keypoints_2d_crop=keypoints[..., :2],
        keypoints_2d_full=full[..., :2],
        keypoints_2d_conf=keypoints[..., 2],
        keypoints_3d=joints_3d,
        keypoints_3d_conf=conf_3d,
        has_keypoints_3d=case.tensor('has_pose_3d', torch.bool),
        global_orient=rotmat[:, :1],
        body_pose=rotmat[:, 1:],
        betas=betas,
        vertices=posed.vertices,
        has_smpl=has,
        global_orient_world=none(batch, 1, 3, 3),
        vertices_world=none(*posed.vertices.shape),
        joints_world=none(batch, 49, 3),
        has_world=never,
        world2cam_rotmat=none(batch, 3, 3),
        has_world2cam=never,
        cam_t=none(batch, 3),
        has_cam_t=never,
        focal_length=none(batch),
        has_focal_length=never,
        iuv_index=(iuv[:, 0] * 24).round().long(),
        iuv_uv=iuv[:, 1:].contiguous(),
        depth=depth,
        has_fields=has,
    )


def all_losses(
    case: Case, estimator: WHMR, output: WHMROutput, metas: CropMetas, targets: HMRTargets
) -> dict[str, Tensor]:
    """Every term under the release's name.

    The recorded boxes are not square, and their keypoints are trusted differently in the crop and
    in the photo. Our labels know neither, so the full image's term is called with its own numbers.
    """
    losses = estimator.mesh_loss(output.steps, targets, metas, estimator.body_model)
    for head in (estimator.iuv_head, estimator.depth_head):
        losses |= head.loss_by_feat(head(output.feature_map), targets)
    dtype = metas.full_shape.dtype
    box = torch.stack([case.tensor('bbox_width', dtype), case.tensor('bbox_height', dtype)], 1)
    for number, step in enumerate(output.steps, start=1):
        losses[f'loss_keypoints_2d_full_s{number}'] = estimator.mesh_loss.terms[
            'keypoints_2d_full'
        ](
            step.keypoints_2d_full,
            targets.keypoints_2d_full,
            case.tensor('keypoints_world', dtype)[..., 2],
            metas.full_shape.flip(-1) / box,
        )
    return {_release_term(name): value for name, value in losses.items()}


def _release_term(name: str) -> str:
    name = name.removeprefix('loss_')
    stem = name.rstrip('0123456789')
    return TERMS[stem].format(name[len(stem) :]) if name not in TERMS else TERMS[name]


def _grow(cells: np.ndarray, is_vit: bool) -> Tensor:
    """Maps from their recorded cells; ViTPose's lack the outer columns."""
    maps = np.repeat(np.repeat(cells, MAP_REPEAT, 2), MAP_REPEAT, 3)
    return torch.from_numpy(np.ascontiguousarray(maps[..., VIT_COLUMNS] if is_vit else maps))


def _outputs(
    case: Case, estimator: WHMR, output: WHMROutput, targets: HMRTargets, share: float
) -> list[Row]:
    """What the step computed on the way."""
    ours = {'Tz': output.distance, 'opt_vertices': targets.vertices[:, ::EVERY]}
    for number, step in enumerate(output.steps, start=1):
        coarse = step.level2
        if coarse is None:
            coarse = estimator.body_model.pyramid.down(step.vertices, 2)
        parts = dict(
            pred_cam=step.weak_cam,
            pred_shape=step.betas,
            rotmat=step.rotmat,
            kp_2d=step.keypoints_2d_crop,
            kp_2d_w=step.keypoints_2d_full,
            kp_3d=step.joints,
            focal_length=step.focal_length,
            pred_cam_t=step.cam_t,
            temp_verts=coarse,
            verts=step.vertices[:, ::EVERY],
        )
        ours |= {f's{number}_{name}': value for name, value in parts.items()}
    return [
        compare(
            case.name,
            'output',
            name,
            value.detach().numpy(),
            case.data[f'out_{name}'],
            share * max(1.0, float(np.abs(case.data[f'out_{name}']).max())),
        )
        for name, value in ours.items()
        if f'out_{name}' in case.data
    ]


def _terms(case: Case, losses: Mapping[str, Tensor], share: float) -> list[Row]:
    recorded = case.terms['losses']
    total = float(sum(losses.values()).detach())
    rows = [_near(case, 'loss', 'total', total, case.terms['total'], share)]
    for name in sorted(set(recorded) | set(losses)):
        ours = float(losses[name].detach()) if name in losses else np.nan
        rows.append(_near(case, 'loss', name, ours, recorded.get(name, np.nan), share))
    return rows


def _gradients(
    case: Case,
    variant: Variant,
    losses: Mapping[str, Tensor],
    features: Tensor,
    backbone_terms: Collection[str] | None,
    share: float,
) -> list[Row]:
    """Norms by term and group of modules, of the sum by parameter, and a few whole gradients."""
    estimator = variant.model.estimator
    names = {name: variant.release_key[PREFIX + name] for name, _ in estimator.named_parameters()}
    parameters = dict(estimator.named_parameters())
    backbone = [name for name, key in names.items() if key.startswith(BACKBONE)]
    heads = [name for name in parameters if name not in set(backbone)]
    recorded = case.terms['grad_norm_by_term_and_group']
    groups = sorted({group for norms in recorded.values() for group in norms})
    total = {name: torch.zeros_like(parameters[name]) for name in heads}
    reached = torch.zeros_like(features)
    rows = []
    for term, loss in losses.items():
        found = torch.autograd.grad(
            loss, [*(parameters[n] for n in heads), features], retain_graph=True, allow_unused=True
        )
        *gradients, feature_gradient = found
        norms: dict[str, float] = defaultdict(float)
        for name, gradient in zip(heads, gradients, strict=True):
            if gradient is not None:
                total[name] += gradient
                for group in groups:
                    if names[name].startswith(group):
                        norms[group] += float(gradient.double().square().sum())
        skipped = set()
        if feature_gradient is not None:
            reached += feature_gradient
            arrives = float(feature_gradient.abs().max()) > 0
            if backbone_terms is None or term in backbone_terms:
                through = _through(parameters, backbone, features, feature_gradient)
                norms[BACKBONE] = float(sum(g.double().square().sum() for g in through.values()))
            elif arrives and recorded[term].get(BACKBONE, 0.0) > 0:
                skipped.add(BACKBONE)
            elif arrives:  # and should not: any number but 0 says so
                norms[BACKBONE] = float(feature_gradient.double().square().sum())
        largest = max(recorded[term].values(), default=0.0)
        for group in groups:
            if group not in skipped:
                rows.append(
                    _near(
                        case,
                        'gradient',
                        f'{term} {group}',
                        norms[group] ** 0.5,
                        recorded[term].get(group, 0.0),
                        share,
                        floor=share * share * largest,
                    )
                )
    total |= _through(parameters, backbone, features, reached)
    by_key = {names[name]: gradient for name, gradient in total.items()}
    return rows + _totals(case, by_key, share)


def _module(key: str) -> str:
    return key.partition('.')[0]


def _through(
    parameters: Mapping[str, Tensor], backbone: list[str], features: Tensor, gradient: Tensor
) -> dict[str, Tensor]:
    found = torch.autograd.grad(
        features,
        [parameters[name] for name in backbone],
        gradient,
        retain_graph=True,
        allow_unused=True,
    )
    return {
        name: torch.zeros_like(parameters[name]) if value is None else value
        for name, value in zip(backbone, found, strict=True)
    }


def _totals(case: Case, gradients: Mapping[str, Tensor], share: float) -> list[Row]:
    recorded = case.terms['grad_norm_total']
    largest: dict[str, float] = defaultdict(float)
    for key, norm in recorded.items():
        largest[_module(key)] = max(largest[_module(key)], norm)
    rows = []
    for key in sorted(set(recorded) | set(gradients)):
        ours = float(gradients[key].double().norm()) if key in gradients else np.nan
        floor = ROUNDING * largest[_module(key)]  # biases before BatchNorm: their sum is rounding
        rows.append(_near(case, 'gradient', key, ours, recorded.get(key, 0.0), share, floor=floor))
    for name, reference in case.data.items():
        if name.startswith('grad_'):
            key = name.removeprefix('grad_')
            allowed = share * float(np.abs(reference).max())
            rows.append(
                compare(case.name, 'gradient', f'all of {key}', gradients[key], reference, allowed)
            )
    return rows


def _statistics(case: Case, variant: Variant, share: float) -> list[Row]:
    """BatchNorm's running statistics after the step."""
    ours = {theirs: key for key, theirs in variant.release_key.items()}
    state = variant.model.state_dict()
    return [
        compare(
            case.name,
            'statistic',
            name.removeprefix('bn_'),
            state[ours[name.removeprefix('bn_')]].numpy(),
            reference,
            share * max(1.0, float(np.abs(reference).max())),
        )
        for name, reference in case.data.items()
        if name.startswith('bn_')
    ]


def _near(
    case: Case,
    kind: str,
    name: str,
    ours: float,
    reference: float,
    share: float,
    *,
    floor: float = 0.0,
) -> Row:
    return compare(case.name, kind, name, ours, reference, share * abs(reference) + floor)
