# PyMAF: W-HMR's neck, extractor and regressors (431 vertices, 6D pose) without focal head and
# without global information.
_base_ = ['./hmr_r50.py']
_host = dict(
    _delete_=True,
    type='WHMR',
    body_model=_base_._body,
    backbone=_base_._host.backbone,
    neck=dict(type='DeconvNeck', in_channels=2048, out_channels=256),
    extractor=dict(type='PixelAlignedExtractor', in_channels=256, out_channels=5),
    regressors=[dict(type='ParameterRegressor', pose_format='rot6d', global_dim=0)] * 3,
    points='vertices',
    grid_shape=(21, 21),
)
