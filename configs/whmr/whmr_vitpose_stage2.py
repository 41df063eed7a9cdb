_base_ = [
    '../_base_/models/whmr_vitpose.py',
    '../_base_/stages/stage2.py',
    '../_base_/datasets/paper_256x192.py',
    '../_base_/datasets/mixture_active.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=_base_.losses,
    grad_flow=_base_.grad_flow,
    backbone=dict(init_cfg=None),
    init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/whmr_vitpose_stage1'),
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.train_pipeline))
