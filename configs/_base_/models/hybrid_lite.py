# The light model's hybrid: two parameter regressors and a vertex regressor on 431 vertices. Dropout
# inside the attention would cost half of a training step's time.
_vertices = dict(
    points='vertices',
    extractor=dict(out_channels=5),
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1)] * 2,
    vertex_regressors=[dict(type='VertexTransformer', attention_dropout=0.0)],
)
_local_vertices = dict(
    _vertices,
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1, global_dim=0)] * 2,
)
