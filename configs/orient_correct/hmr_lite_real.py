# HMR goes on with real frames among the synthetic ones, as W-HMR's stage II does; their 2D joints
# alone supervise. docs/data.md says how to make them.
_base_ = ['hmr_lite.py', '../_base_/datasets/real_frames.py']
model = dict(
    backbone=dict(weights=None),
    init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/hmr_lite_synthetic'),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='MixtureDataset',
        length='largest',
        probabilities=[0.8, 0.2],
        pipeline=_base_.train_pipeline,
        datasets=[_base_.camera_train_dataset, _base_.real_train_dataset],
    )
)
train_cfg = dict(max_iters=400, val_interval=400)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=400, eta_min_ratio=0.02),
]
