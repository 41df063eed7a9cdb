# Table 5 at the light size, G: no focal predictor.
_base_ = ['lite_f_g.py']
model = dict(focal_head=None, losses=dict(focal=None, keypoints_2d_full=None))
