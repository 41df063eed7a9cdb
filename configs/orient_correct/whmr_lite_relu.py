# OrientCorrect with rectified hidden layers. The paper's module is linear.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(relu=True))
