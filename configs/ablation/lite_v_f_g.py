# Table 5 at the light size, V + F + G: with a vertex regressor.
_base_ = ['lite_f_g.py', '../_base_/models/hybrid_lite.py']
model = dict(**_base_._vertices)
