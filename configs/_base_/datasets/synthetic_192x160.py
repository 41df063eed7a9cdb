# SyntheticWorld on the bundled body; nothing to download. `world_*` adds the whole photo for the
# camera calibrator.
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBox', padding=1.2),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomRoll', prob=0.4, sigma_deg=10.0, max_deg=25.0),
    dict(type='RandomBoxScale', sigma=0.1, limits=(0.8, 1.25)),
    dict(type='RandomBoxShift', max_shift=0.08),
    dict(type='CropPerson', crop_shape=(192, 160)),
    dict(type='RandomOcclusion', prob=0.3),
    dict(type='PhotometricJitter', gray_prob=0.05, blur_prob=0.2, jpeg_prob=0.2),
    dict(type='PackHMRInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBox', padding=1.2),
    dict(type='CropPerson', crop_shape=(192, 160)),
    dict(type='PackHMRInputs'),
]
whole_photo = dict(type='ResizeFull', short_side=128, max_long_side=256)
world_train_pipeline = train_pipeline[:-3] + [whole_photo] + train_pipeline[-3:]
world_test_pipeline = test_pipeline[:-1] + [whole_photo] + test_pipeline[-1:]
photo_test_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBox'),
    whole_photo,
    dict(type='PackHMRInputs'),
]
camera_train_dataset = dict(
    type='SyntheticWorld', split='train', num_images=20000, pipeline=train_pipeline
)
camera_val_dataset = dict(
    type='SyntheticWorld', split='val', num_images=500, pipeline=test_pipeline, test_mode=True
)
camera_test_dataset = dict(
    type='SyntheticWorld', split='test', num_images=1000, pipeline=test_pipeline, test_mode=True
)
# OrientCorrect learns on images that the trunk has not seen: there the trunk errs as it will later.
world_train_dataset = dict(
    camera_train_dataset, seed=1, num_images=6000, pipeline=world_train_pipeline
)
world_val_dataset = dict(camera_val_dataset, pipeline=world_test_pipeline)
world_test_dataset = dict(camera_test_dataset, pipeline=world_test_pipeline)
photo_val_dataset = dict(camera_val_dataset, pipeline=photo_test_pipeline)
photo_test_dataset = dict(camera_test_dataset, pipeline=photo_test_pipeline)
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='ResumableSampler', shuffle=True),
    dataset=camera_train_dataset,
)
val_dataloader = dict(
    batch_size=32,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=camera_val_dataset,
)
test_dataloader = dict(
    batch_size=32,
    num_workers=2,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=camera_test_dataset,
)
val_evaluator = dict(type='CameraSpaceMetric', body_model=dict(type='FreeBody'))
test_evaluator = val_evaluator
_world_evaluator = [
    dict(type='WorldSpaceMetric', body_model=dict(type='FreeBody')),
    val_evaluator,
]
