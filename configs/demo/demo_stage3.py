# Stage III of `make demo`: the bundled OrientCorrect, nudged, on the bundled camera calibrator.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(
    estimator=dict(init_cfg=dict(checkpoint='work_dirs/demo_stage2')),
    camera=dict(init_cfg=dict(checkpoint='checkpoints/whmr_lite.safetensors')),
    orientation=dict(
        init_cfg=dict(
            type='StrictPretrained',
            checkpoint='checkpoints/whmr_lite.safetensors',
            source_prefix='orientation.',
        )
    ),
)
train_cfg = dict(max_iters=60, val_interval=60)
train_dataloader = dict(
    batch_size=32, num_workers=1, dataset=dict(num_images=300, num_workers=2, seed=0)
)
val_dataloader = dict(num_workers=0, dataset=dict(num_images=40))
test_dataloader = dict(num_workers=0, dataset=dict(num_images=80, num_workers=2))
default_hooks = dict(logger=dict(interval=10))
optim_wrapper = dict(optimizer=dict(lr=5e-5))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=10),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=10, end=60, eta_min_ratio=0.05),
]
