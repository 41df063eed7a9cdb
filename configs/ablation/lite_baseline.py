# Table 5 at the light size, first row: no vertex regressor, focal predictor or global information.
_base_ = ['lite_f_g.py']
model = dict(
    regressors=[dict(type='ParameterRegressor', hidden_dim=512, dropout=0.1, global_dim=0)] * 3,
    focal_head=None,
    losses=dict(focal=None, keypoints_2d_full=None),
)
