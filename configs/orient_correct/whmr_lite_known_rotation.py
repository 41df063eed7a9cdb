# OrientCorrect that is fed the true camera rotation, in training and in testing.
_base_ = ['../whmr/whmr_lite_stage3.py']
model = dict(rotation_source='known', camera=None)
