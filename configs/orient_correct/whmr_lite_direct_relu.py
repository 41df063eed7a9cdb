# Direct regression, as SPEC's, with rectified hidden layers.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(type='DirectRegression', num_iters=3, relu=True))
