# A converted checkpoint of the release gives the release's numbers. Tests take the camera rotation
# from the labels; photos have none, so there it is the predicted one.
_base_ = ['../whmr_vitpose_stage3.py']
model = dict(
    estimator=dict(square_sampling=True, init_cfg=None),
    camera=dict(init_cfg=None),
    orientation=dict(num_iters=1),
    rotation_source='known',
)
val_evaluator = dict(rotation_source='known')
test_evaluator = dict(rotation_source='known')
