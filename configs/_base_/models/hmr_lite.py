# HMR at the size of whmr_lite: the plain baseline of the free benchmark.
_body = dict(type='FreeBody')
_preprocessor = dict(
    type='HMRDataPreprocessor',
    body_model=_body,
    mean=[127.5, 127.5, 127.5],
    std=[127.5, 127.5, 127.5],
)
_host = dict(
    type='HMR',
    body_model=_body,
    backbone=dict(
        type='TimmBackbone',
        model_name='tf_efficientnet_lite0',
        weights='efficientnet_lite0_pytorch',
        frozen=('conv_stem', 'bn1', 'blocks.0', 'blocks.1', 'blocks.2'),
    ),
    head=dict(type='IterativeRegressor', feat_dim=320, hidden_dim=512, dropout=0.1),
)
