_base_ = ['../whmr/whmr_vitpose_stage2.py', '../_base_/evaluation/agora.py']
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_._protocol_set, pipeline=_base_.test_pipeline)
)
test_evaluator = _base_._protocol_evaluator
