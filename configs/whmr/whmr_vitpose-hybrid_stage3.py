_base_ = [
    '../_base_/models/whmr_vitpose_hybrid.py',
    '../_base_/stages/stage3.py',
    '../_base_/datasets/paper_256x192.py',
    '../_base_/datasets/mixture_c.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(
    _delete_=True,
    **_base_.world,
    body_model=_base_.body_model,
    data_preprocessor=dict(_base_.model.data_preprocessor, render_maps=None),
    estimator=dict(
        _base_.model,
        data_preprocessor=None,
        backbone=dict(_base_.model.backbone, init_cfg=None),
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/whmr_vitpose-hybrid_stage2'),
    ),
    camera=_base_.camera,
    orientation=_base_.orientation,
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.world_train_pipeline))
val_dataloader = dict(dataset=_base_.world_val_dataset)
test_dataloader = dict(dataset=_base_.world_test_dataset)
val_evaluator = _base_._world_evaluator
test_evaluator = _base_._world_evaluator
