# Stage I of `make demo`: the light model, warm-started, a few hundred synthetic images.
_base_ = ['../whmr/whmr_lite_stage1.py']
model = dict(
    backbone=dict(weights=None),
    init_cfg=dict(
        type='StrictPretrained',
        checkpoint='checkpoints/whmr_lite.safetensors',
        source_prefix='estimator.',
    ),
)
train_cfg = dict(max_iters=20, val_interval=20)
train_dataloader = dict(batch_size=16, num_workers=1, dataset=dict(num_images=300, num_workers=2))
val_dataloader = dict(num_workers=0, dataset=dict(num_images=40))
test_dataloader = dict(num_workers=0, dataset=dict(num_images=80, num_workers=2))
default_hooks = dict(logger=dict(interval=10))
optim_wrapper = dict(optimizer=dict(lr=5e-5))  # the warm start is only nudged
