# Table 5 at the light size, V + G: with a vertex regressor, no focal predictor.
_base_ = ['lite_f_g.py', '../_base_/models/hybrid_lite.py']
model = dict(
    **_base_._vertices,
    focal_head=None,
    losses=dict(focal=None, keypoints_2d_full=None),
)
