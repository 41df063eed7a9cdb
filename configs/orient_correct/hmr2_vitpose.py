_base_ = [
    '../_base_/models/hmr2_vitpose.py',
    '../_base_/stages/hmr.py',
    '../_base_/datasets/paper_256x192.py',
    '../_base_/datasets/mixture_active.py',
    '../_base_/schedules/adam_5e-5.py',
    '../_base_/default_runtime.py',
]
model = dict(**_base_._host, data_preprocessor=_base_._preprocessor, losses=_base_.losses)
train_dataloader = dict(dataset=dict(_base_.mixture_dataset, pipeline=_base_.train_pipeline))
