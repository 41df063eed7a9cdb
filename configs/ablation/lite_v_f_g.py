# Table 5 at the light size, V + F + G.
_base_ = ['lite_f_g.py']
model = dict(
    points='vertices',
    extractor=dict(out_channels=5),
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1)] * 2,
    vertex_regressors=[dict(type='VertexTransformer')],
)
