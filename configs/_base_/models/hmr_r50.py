# HMR in SPIN's layout: ResNet-50, three passes.
_body = dict(type='SMPL', model_path='data/body_models/smpl')
_preprocessor = dict(
    type='HMRDataPreprocessor',
    body_model=_body,
    gendered_body_models={name: dict(_body, gender=name) for name in ('male', 'female')},
)
_host = dict(
    type='HMR',
    body_model=_body,
    backbone=dict(type='TimmBackbone', model_name='resnet50'),
    head=dict(type='IterativeRegressor', feat_dim=2048),
)
