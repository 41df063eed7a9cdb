# Ours* of the paper: ResNet-50, features at 431 vertices, two parameter regressors, then a vertex
# regressor.
_base_ = ['./whmr_r50.py']
model = dict(
    points='vertices',
    grid_shape=(21, 21),
    extractor=dict(out_channels=5),
    regressors=[dict(type='ParameterRegressor')] * 2,
    vertex_regressors=[dict(type='VertexTransformer')],
)
orientation = dict(feat_dim=431 * 5)
