# Table 5 at the light size, V + F + G. Every row has the trunk of hmr_lite, which knows the
# synthetic people, and keeps it: a short training shows what the rest is worth.
_base_ = [
    '../_base_/models/whmr_lite_hybrid.py',
    '../_base_/stages/stage1.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=_base_.losses,
    grad_flow=_base_.grad_flow,
    backbone=dict(
        weights=None,
        frozen=('conv_stem', 'bn1', 'blocks'),
        init_cfg=dict(
            type='StrictPretrained', checkpoint='work_dirs/hmr_lite', source_prefix='backbone.'
        ),
    ),
)
train_cfg = dict(max_iters=150, val_interval=150)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=150, eta_min_ratio=0.02),
]
