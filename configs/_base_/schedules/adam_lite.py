# For the light model: some ten epochs of SyntheticWorld, with a warm-up and a cosine.
train_cfg = dict(by_epoch=False, max_iters=8000, val_interval=2000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=3e-4),
    clip_grad=dict(max_norm=20.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=8000, eta_min_ratio=0.02),
]
val_cfg = dict()
test_cfg = dict()
