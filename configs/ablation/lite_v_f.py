# Table 5 at the light size, V + F: with a vertex regressor, no global information.
_base_ = ['lite_f_g.py', '../_base_/models/hybrid_lite.py']
model = dict(**_base_._local_vertices)
