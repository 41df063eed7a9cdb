# OrientCorrect trained on the features and the orientation of HMR 2.0.
_base_ = ['../whmr/whmr_vitpose_stage3.py', '../_base_/models/hmr2_vitpose.py']
model = dict(
    estimator=dict(
        _delete_=True,
        **_base_._host,
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/hmr2_vitpose'),
    ),
    orientation=dict(feat_dim=1024),
)
