# Table 5 at the light size, F + G. Every row starts from trunk and neck of stage I and keeps the
# trunk: a short training shows what the rest is worth.
_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/stages/stage1.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
_stage1 = dict(type='StrictPretrained', checkpoint='work_dirs/whmr_lite_stage1')
model = dict(
    losses=_base_.losses,
    grad_flow=_base_.grad_flow,
    backbone=dict(
        weights=None,
        frozen=('conv_stem', 'bn1', 'blocks'),
        init_cfg=dict(_stage1, source_prefix='backbone.'),
    ),
    neck=dict(init_cfg=dict(_stage1, source_prefix='neck.')),
)
train_cfg = dict(max_iters=700, val_interval=700)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=700, eta_min_ratio=0.02),
]
