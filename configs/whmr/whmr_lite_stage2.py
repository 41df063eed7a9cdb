_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/stages/stage2.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=_base_.losses,
    grad_flow=_base_.grad_flow,
    backbone=dict(init_cfg=None),
    init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/whmr_lite_stage1'),
)
train_cfg = dict(max_iters=400, val_interval=400)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=400, eta_min_ratio=0.02),
]
