_base_ = [
    '../_base_/models/cliff_r50.py',
    '../_base_/stages/hmr.py',
    '../_base_/datasets/paper_224x224.py',
    '../_base_/datasets/mixture_active.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
# CLIFF supervises its reprojection in the full image.
model = dict(
    **_base_._host,
    data_preprocessor=_base_._preprocessor,
    losses=dict(
        _base_.losses,
        keypoints_2d_crop=None,
        keypoints_2d_full=dict(type='Keypoint2DLoss', weight=300.0),
    ),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.train_pipeline))
