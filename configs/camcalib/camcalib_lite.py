# The light camera calibrator, trained on whole photos of SyntheticWorld (other people and scenes
# than W-HMR's own).
_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/datasets/synthetic_192x160.py',
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
train_dataloader = dict(dataset=_base_.photo_train_dataset)
val_dataloader = dict(dataset=_base_.photo_val_dataset)
test_dataloader = dict(dataset=_base_.photo_test_dataset)
val_evaluator = dict(_delete_=True, type='CameraMetric')
test_evaluator = dict(_delete_=True, type='CameraMetric')
