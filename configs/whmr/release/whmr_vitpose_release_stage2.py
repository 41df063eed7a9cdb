# Stage II as the release trains it: later steps sample at points normalised on the square crop.
_base_ = ['../whmr_vitpose_stage2.py']
model = dict(
    square_sampling=True,
    init_cfg=dict(checkpoint='work_dirs/whmr_vitpose_release_stage1'),
)
