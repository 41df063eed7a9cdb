_base_ = [
    '../_base_/models/whmr_lite.py',
    '../_base_/stages/stage2.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=_base_.losses,
    grad_flow=_base_.grad_flow,
    backbone=dict(init_cfg=None),
    init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/whmr_lite_stage1'),
)
