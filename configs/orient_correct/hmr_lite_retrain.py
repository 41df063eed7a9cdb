# OrientCorrect trained on the features and the orientation of HMR.
_base_ = ['../whmr/whmr_lite_stage3.py', '../_base_/models/hmr_lite.py']
model = dict(
    estimator=dict(
        _delete_=True,
        **_base_._host,
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/hmr_lite'),
    ),
    orientation=dict(feat_dim=320),
)
