# Orientation from a whole W-HMR, pose and shape from HMR 2.0: nothing is trained.
_base_ = ['../whmr/whmr_vitpose_stage3.py', '../_base_/models/hmr2_vitpose.py']
_whole = dict(type='StrictPretrained', checkpoint='work_dirs/whmr_vitpose_stage3')
model = dict(
    estimator=dict(
        _delete_=True,
        **_base_._host,
        init_cfg=dict(type='StrictPretrained', checkpoint='work_dirs/hmr2_vitpose'),
    ),
    donor=dict(_base_.model.estimator, init_cfg=dict(_whole, source_prefix='estimator.')),
    camera=dict(init_cfg=dict(_whole, source_prefix='camera.')),
    orientation=dict(init_cfg=dict(_whole, source_prefix='orientation.')),
)
