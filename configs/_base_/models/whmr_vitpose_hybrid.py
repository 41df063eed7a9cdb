# ViTPose-B, features at 431 vertices, two parameter regressors, then a vertex regressor.
_base_ = ['./whmr_vitpose.py']
model = dict(
    points='vertices',
    grid_shape=(24, 18),
    extractor=dict(out_channels=5),
    regressors=[dict(type='ParameterRegressor')] * 2,
    vertex_regressors=[dict(type='VertexTransformer')],
)
orientation = dict(feat_dim=431 * 5)
