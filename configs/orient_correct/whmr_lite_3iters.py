# OrientCorrect as a truly iterative regressor: each of three passes starts from the last result.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(num_iters=3))
