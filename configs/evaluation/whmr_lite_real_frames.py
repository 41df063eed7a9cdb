# 2D error in pixels, and as a share of the person box, on real frames kept out of training: of the
# bundled model, or of the checkpoint of stage I or II that tools/test.py is given.
_base_ = ['../whmr/whmr_lite_stage2.py', '../_base_/datasets/real_frames.py']
model = dict(
    backbone=dict(weights=None),
    init_cfg=dict(checkpoint='checkpoints/whmr_lite.safetensors', source_prefix='estimator.'),
)
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_.real_val_dataset, pipeline=_base_.test_pipeline)
)
