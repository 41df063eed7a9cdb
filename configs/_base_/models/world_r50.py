# Stage III of the ResNet-50: W-HMR, CamCalib and OrientCorrect in one model.
_base_ = ['./whmr_r50.py', '../stages/stage3.py']
model = dict(
    _delete_=True,
    **_base_.world,
    body_model=_base_.body_model,
    data_preprocessor=dict(_base_.model.data_preprocessor, render_maps=None),
    estimator=dict(
        _base_.model,
        data_preprocessor=None,
        backbone=dict(_base_.model.backbone, init_cfg=None),
    ),
    camera=_base_.camera,
    orientation=_base_.orientation,
)
