# OrientCorrect trained on the features and the orientation of CLIFF.
_base_ = [
    '../_base_/models/world_r50.py',
    '../_base_/models/cliff_r50.py',
    '../_base_/datasets/paper_224x224.py',
    '../_base_/datasets/mixture_c.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(
    estimator=dict(
        _delete_=True,
        **_base_._host,
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/cliff_r50'),
    ),
    orientation=dict(feat_dim=2048),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.world_train_pipeline))
val_dataloader = dict(dataset=_base_.world_val_dataset)
test_dataloader = dict(dataset=_base_.world_test_dataset)
val_evaluator = _base_._world_evaluator
test_evaluator = _base_._world_evaluator
