# OrientCorrect without global information.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(global_dim=0))
