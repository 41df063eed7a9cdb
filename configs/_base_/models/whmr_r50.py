# ResNet-50, 67 markers, three parameter regressors.
body_model = dict(type='SMPL', model_path='data/body_models/smpl')
_genders = ('male', 'female')
_pose_resnet = 'data/pretrained/pose_resnet_50_256x192.pth'
model = dict(
    type='WHMR',
    body_model=body_model,
    data_preprocessor=dict(
        type='HMRDataPreprocessor',
        body_model=body_model,
        gendered_body_models={name: dict(body_model, gender=name) for name in _genders},
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        render_maps=dict(shape=(56, 56)),
    ),
    backbone=dict(
        type='TimmBackbone',
        model_name='resnet50',
        init_cfg=dict(type='StrictPretrained', checkpoint=_pose_resnet, source_prefix='backbone'),
    ),
    neck=dict(
        type='DeconvNeck',
        in_channels=2048,
        out_channels=256,
        init_cfg=dict(type='StrictPretrained', checkpoint=_pose_resnet, source_prefix='neck'),
    ),
    extractor=dict(type='PixelAlignedExtractor', in_channels=256, out_channels=32),
    regressors=[dict(type='ParameterRegressor')] * 3,
    focal_head=dict(
        type='FocalPredictor', in_channels=256, in_shape=(56, 56), strides=(2, 2), head_dim=10
    ),
    iuv_head=dict(type='IUVHead', in_channels=256),
    depth_head=dict(type='DepthHead', in_channels=256),
    grid_shape=(8, 8),
)
camera = dict(
    type='CamCalib',
    backbone=dict(type='TimmBackbone', model_name='resnet50'),
    init_cfg=dict(type='StrictPretrained', checkpoint='data/pretrained/camcalib_spec.pth'),
)
orientation = dict(type='OrientCorrect', feat_dim=67 * 32)
