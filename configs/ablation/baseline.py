# Table 5, first row: no vertex regressor, focal predictor or global information.
_base_ = [
    '../_base_/models/whmr_r50_hybrid.py',
    '../_base_/stages/stage1.py',
    '../_base_/datasets/paper_224x224.py',
    '../_base_/datasets/mixture_active.py',
    '../_base_/evaluation/agora.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(
    losses=dict(_base_.losses, focal=None, keypoints_2d_full=None),
    grad_flow=_base_.grad_flow,
    regressors=[dict(type='ParameterRegressor', global_dim=0)] * 3,
    vertex_regressors=[],
    focal_head=None,
)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.train_pipeline))
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_._protocol_set, pipeline=_base_.test_pipeline)
)
test_evaluator = _base_._protocol_evaluator
