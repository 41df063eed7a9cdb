# HMR 2.0 in the layout of 4D-Humans, on ViTPose-B.
_body = dict(type='SMPL', model_path='data/body_models/smpl')
_preprocessor = dict(
    type='HMRDataPreprocessor',
    body_model=_body,
    gendered_body_models={name: dict(_body, gender=name) for name in ('male', 'female')},
)
_host = dict(
    type='HMR2',
    body_model=_body,
    backbone=dict(
        type='ViTPoseBackbone',
        drop_path_rate=0.3,
        init_cfg=dict(type='StrictPretrained', checkpoint='data/pretrained/vitpose_b_coco.pth'),
    ),
    head=dict(type='QueryDecoderHead', context_dim=768),
)
