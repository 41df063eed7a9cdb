# Table 5 at the light size, first row: no vertex regressor, focal predictor or global information.
_base_ = ['lite_f.py']
model = dict(focal_head=None, losses=dict(focal=None, keypoints_2d_full=None))
