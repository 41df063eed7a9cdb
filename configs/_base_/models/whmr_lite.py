# The light model on the bundled body: EfficientNet-Lite0, 192x160 crops, narrow heads. Trains on a
# CPU: the early layers, the most expensive ones to train there, keep their ImageNet weights.
_lite0 = dict(
    type='TimmBackbone',
    model_name='tf_efficientnet_lite0',
    weights='efficientnet_lite0_pytorch',
    frozen=('conv_stem', 'bn1', 'blocks.0', 'blocks.1', 'blocks.2'),
)
body_model = dict(type='FreeBody')
model = dict(
    type='WHMR',
    body_model=body_model,
    data_preprocessor=dict(
        type='HMRDataPreprocessor',
        body_model=body_model,
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        render_maps=dict(shape=(48, 40)),
    ),
    backbone=_lite0,
    neck=dict(type='DeconvNeck', in_channels=320, out_channels=64),
    extractor=dict(
        type='PixelAlignedExtractor', in_channels=64, out_channels=8, hidden_channels=(48, 32)
    ),
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1)] * 3,
    focal_head=dict(type='FocalPredictor', in_channels=64, in_shape=(48, 40), mid_channels=32),
    iuv_head=dict(type='IUVHead', in_channels=64),
    depth_head=dict(type='DepthHead', in_channels=64),
    grid_shape=(9, 7),
)
camera = dict(type='CamCalib', backbone=_lite0)
orientation = dict(type='OrientCorrect', feat_dim=67 * 8, hidden_dim=512)
