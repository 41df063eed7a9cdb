_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/stages/stage1.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(losses=_base_.losses, grad_flow=_base_.grad_flow)
# Five epochs of SyntheticWorld, two hours on one core.
train_cfg = dict(max_iters=5400, val_interval=900)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=5400, eta_min_ratio=0.02),
]
