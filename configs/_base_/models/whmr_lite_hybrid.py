# The light model with a vertex regressor: features at 431 vertices, two parameter regressors, then
# the mesh.
_base_ = ['./whmr_lite.py']
model = dict(
    points='vertices',
    extractor=dict(out_channels=5),
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1)] * 2,
    vertex_regressors=[dict(type='VertexTransformer')],
)
orientation = dict(feat_dim=431 * 5)
