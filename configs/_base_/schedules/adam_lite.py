# For the light models, an hour on one core: a warm-up and a cosine.
train_cfg = dict(by_epoch=False, max_iters=2400, val_interval=800)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=5e-4, fused=True),
    clip_grad=dict(max_norm=20.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=2400, eta_min_ratio=0.02),
]
val_cfg = dict()
test_cfg = dict()
