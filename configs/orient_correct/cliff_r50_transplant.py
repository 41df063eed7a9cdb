# Orientation from a whole W-HMR, pose and shape from CLIFF: nothing is trained.
_base_ = [
    '../_base_/models/world_r50.py',
    '../_base_/models/cliff_r50.py',
    '../_base_/datasets/paper_224x224.py',
    '../_base_/datasets/mixture_c.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
_whole = dict(type='StrictPretrained', checkpoint='work_dirs/whmr_r50_stage3')
model = dict(
    estimator=dict(
        _delete_=True,
        **_base_._host,
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/cliff_r50'),
    ),
    donor=dict(_base_.model.estimator, init_cfg=dict(_whole, source_prefix='estimator.')),
    camera=dict(init_cfg=dict(_whole, source_prefix='camera.')),
    orientation=dict(init_cfg=dict(_whole, source_prefix='orientation.')),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.world_train_pipeline))
val_dataloader = dict(dataset=_base_.world_val_dataset)
test_dataloader = dict(dataset=_base_.world_test_dataset)
val_evaluator = _base_._world_evaluator
test_evaluator = _base_._world_evaluator
