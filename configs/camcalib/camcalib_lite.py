# The light camera calibrator, trained on views of panoramas that no other set shows: to the
# synthetic world it comes from elsewhere, as CamCalib comes to W-HMR.
_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/datasets/panorama_views.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _delete_=True,
    type='CameraEstimator',
    camera=_base_.camera,
    data_preprocessor=dict(
        type='HMRDataPreprocessor', mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]
    ),
)
train_dataloader = dict(dataset=dict(_delete_=True, **_base_.panorama_train_dataset))
val_dataloader = dict(dataset=_base_.photo_val_dataset)
test_dataloader = dict(dataset=_base_.photo_test_dataset)
val_evaluator = dict(_delete_=True, type='CameraMetric')
test_evaluator = dict(_delete_=True, type='CameraMetric')
train_cfg = dict(max_iters=1200, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, by_epoch=False, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=1200, eta_min_ratio=0.02),
]
