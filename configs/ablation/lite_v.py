# Table 5 at the light size, V: the vertex regressor alone.
_base_ = ['lite_v_f.py']
model = dict(focal_head=None, losses=dict(focal=None, keypoints_2d_full=None))
