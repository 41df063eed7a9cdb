# Stage I of the lite model with the regressors of this folder.
_base_ = '../../configs/whmr/whmr_lite_stage1.py'

custom_imports = dict(imports=['custom_head.custom_regressor'], allow_failed_imports=False)

model = dict(regressors=[dict(type='GatedRegressor', hidden_dim=256)] * 3)
