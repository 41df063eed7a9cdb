# Pipelines and loaders of the paper's models; what is trained on comes from a `mixture_*.py` beside
# this file. `world_*` pipelines add the whole photo for the camera calibrator.
train_pipeline = [
    dict(type='LoadImage', lazy_decode=True),
    dict(type='GetBox', padding=1.2),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRoll', prob=0.4, sigma_deg=30.0, max_deg=60.0),
    dict(type='RandomBoxScale', sigma=0.25, limits=(0.75, 1.25)),
    dict(type='RandomBoxShift', max_shift=0.1),
    dict(type='CropPerson', crop_shape=(256, 192)),
    dict(type='RandomOcclusion', prob=0.5),
    dict(type='PhotometricJitter', channel_gain=(0.6, 1.4)),
    dict(type='PackHMRInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBox', padding=1.2),
    dict(type='CropPerson', crop_shape=(256, 192)),
    dict(type='PackHMRInputs'),
]
# A roll of the camera stays within what the calibrator can say (pitch and roll up to 0.6 rad).
_world_roll = dict(type='RandomRoll', prob=0.4, sigma_deg=10.0, max_deg=25.0)
whole_photo = dict(type='ResizeFull', short_side=600)
world_train_pipeline = [
    *(_world_roll if step['type'] == 'RandomRoll' else step for step in train_pipeline[:-4]),
    whole_photo,
    *train_pipeline[-4:],
]
world_test_pipeline = [*test_pipeline[:-1], whole_photo, test_pipeline[-1]]

camera_test_dataset = dict(
    type='HMRDataset',
    data_root='data/3dpw',
    ann_file='3dpw_test.npz',
    data_prefix=dict(img='imageFiles'),
    pipeline=test_pipeline,
    test_mode=True,
)
world_test_dataset = dict(
    type='HMRDataset',
    data_root='data/spec_mtp',
    ann_file='spec_mtp_test.npz',
    data_prefix=dict(img='images'),
    pipeline=world_test_pipeline,
    test_mode=True,
)
world_val_dataset = world_test_dataset
train_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=camera_test_dataset,
)
test_dataloader = val_dataloader
_smpl = dict(type='SMPL', model_path='data/body_models/smpl')
val_evaluator = dict(type='CameraSpaceMetric', body_model=_smpl)
test_evaluator = val_evaluator
_world_evaluator = dict(type='WorldSpaceMetric', body_model=_smpl)
