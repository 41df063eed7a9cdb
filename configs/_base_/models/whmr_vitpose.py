# Ours-P of the paper: ViTPose-B, 67 markers, three parameter regressors.
body_model = dict(type='SMPL', model_path='data/body_models/smpl')
_genders = ('male', 'female')
model = dict(
    type='WHMR',
    body_model=body_model,
    data_preprocessor=dict(
        type='HMRDataPreprocessor',
        body_model=body_model,
        gendered_body_models={name: dict(body_model, gender=name) for name in _genders},
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        render_maps=dict(shape=(128, 96)),
    ),
    backbone=dict(
        type='ViTPoseBackbone',
        drop_path_rate=0.3,
        init_cfg=dict(type='StrictPretrained', checkpoint='data/pretrained/vitpose_b_coco.pth'),
    ),
    neck=dict(type='DeconvNeck', in_channels=768, out_channels=256),
    extractor=dict(type='PixelAlignedExtractor', in_channels=256, out_channels=32),
    regressors=[dict(type='ParameterRegressor')] * 3,
    focal_head=dict(type='FocalPredictor', in_channels=256, in_shape=(128, 96), strides=(3, 2)),
    iuv_head=dict(type='IUVHead', in_channels=256),
    depth_head=dict(type='DepthHead', in_channels=256),
    grid_shape=(9, 7),
)
camera = dict(
    type='CamCalib',
    backbone=dict(type='TimmBackbone', model_name='resnet50'),
    init_cfg=dict(type='StrictPretrained', checkpoint='data/pretrained/camcalib_spec.pth'),
)
orientation = dict(type='OrientCorrect', feat_dim=67 * 32)
