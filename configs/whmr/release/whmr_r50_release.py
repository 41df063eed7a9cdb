# A converted checkpoint of the release gives the release's numbers. Tests take the camera rotation
# from the labels; photos have none, so there it is the predicted one.
_base_ = [
    '../../_base_/models/whmr_r50.py',
    '../../_base_/stages/stage3.py',
    '../../_base_/datasets/paper_224x224.py',
    '../../_base_/datasets/mixture_c.py',
    '../../_base_/schedules/adam_5e-5.py',
    '../../_base_/default_runtime.py',
]
model = dict(
    _delete_=True,
    **_base_.world,
    rotation_source='known',
    body_model=_base_.body_model,
    data_preprocessor=dict(_base_.model.data_preprocessor, render_maps=None),
    estimator=dict(
        _base_.model,
        data_preprocessor=None,
        square_sampling=True,
        backbone=dict(_base_.model.backbone, init_cfg=None),
        neck=dict(_base_.model.neck, init_cfg=None),
    ),
    camera=dict(_base_.camera, init_cfg=None),
    orientation=dict(_base_.orientation, num_iters=1),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.world_train_pipeline))
val_dataloader = dict(dataset=_base_.world_val_dataset)
test_dataloader = dict(dataset=_base_.world_test_dataset)
val_evaluator = dict(_base_._world_evaluator, rotation_source='known')
test_evaluator = dict(_base_._world_evaluator, rotation_source='known')
