# SPEC's way: the world orientation from feature and camera, without one in the camera's frame.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(orientation=dict(type='DirectRegression', num_iters=3))
