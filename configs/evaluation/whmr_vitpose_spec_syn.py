_base_ = ['../whmr/whmr_vitpose_stage3.py', '../_base_/evaluation/spec_syn.py']
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_._protocol_set, pipeline=_base_.world_test_pipeline)
)
test_evaluator = _base_._protocol_evaluator
