# The paper's pipelines at the ResNet's resolution.
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
camera_test_dataset = dict(pipeline=test_pipeline)
world_val_dataset = dict(pipeline=world_test_pipeline)
world_test_dataset = dict(pipeline=world_test_pipeline)
val_dataloader = dict(dataset=camera_test_dataset)
test_dataloader = dict(dataset=camera_test_dataset)
