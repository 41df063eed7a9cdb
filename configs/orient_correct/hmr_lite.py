_base_ = [
    '../_base_/models/hmr_lite.py',
    '../_base_/stages/hmr.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(**_base_._host, data_preprocessor=_base_._preprocessor, losses=_base_.losses)
# As long as W-HMR's stage I.
train_cfg = dict(max_iters=5400, val_interval=900)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=5400, eta_min_ratio=0.02),
]
