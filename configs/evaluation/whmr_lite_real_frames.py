# 2D error in pixels, and as a share of the person box, on real frames kept out of training.
_base_ = ['../whmr/whmr_lite_stage2.py', '../_base_/datasets/real_frames.py']
test_dataloader = dict(
    dataset=dict(_delete_=True, **_base_.real_val_dataset, pipeline=_base_.test_pipeline)
)
