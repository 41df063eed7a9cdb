_base_ = [
    '../_base_/models/pymaf_r50.py',
    '../_base_/stages/hmr.py',
    '../_base_/datasets/paper_224x224.py',
    '../_base_/datasets/mixture_active.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(
    **_base_._host,
    data_preprocessor=_base_._preprocessor,
    losses=_base_.losses,
    grad_flow=dict(crop_2d_to_body=True, full_2d_to_body=False, distance_to_features=False),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.train_pipeline))
