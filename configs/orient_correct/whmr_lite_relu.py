# OrientCorrect with rectified hidden layers. The release's has no activation.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(relu=True))
