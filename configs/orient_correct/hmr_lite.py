_base_ = [
    '../_base_/models/hmr_lite.py',
    '../_base_/stages/hmr.py',
    '../_base_/datasets/synthetic_192x160.py',
    '../_base_/schedules/adam_lite.py',
    '../_base_/default_runtime.py',
]
model = dict(**_base_._host, data_preprocessor=_base_._preprocessor, losses=_base_.losses)
