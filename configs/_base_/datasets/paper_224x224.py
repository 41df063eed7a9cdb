# The paper's mixtures at the ResNet's resolution.
_base_ = ['./paper_256x192.py']
_crop = dict(type='CropPerson', crop_shape=(224, 224))
train_pipeline = [_crop if s['type'] == 'CropPerson' else s for s in _base_.train_pipeline]
test_pipeline = [_crop if s['type'] == 'CropPerson' else s for s in _base_.test_pipeline]
world_train_pipeline = [
    _crop if s['type'] == 'CropPerson' else s for s in _base_.world_train_pipeline
]
world_test_pipeline = [
    _crop if s['type'] == 'CropPerson' else s for s in _base_.world_test_pipeline
]
camera_train_dataset = dict(
    datasets=[{**d, 'pipeline': train_pipeline} for d in _base_.camera_train_dataset.datasets]
)
world_train_dataset = dict(
    datasets=[{**d, 'pipeline': world_train_pipeline} for d in _base_.world_train_dataset.datasets]
)
camera_test_dataset = dict(pipeline=test_pipeline)
world_val_dataset = dict(pipeline=world_test_pipeline)
world_test_dataset = dict(pipeline=world_test_pipeline)
train_dataloader = dict(dataset=camera_train_dataset)
val_dataloader = dict(dataset=camera_test_dataset)
test_dataloader = dict(dataset=camera_test_dataset)
