# The light calibrator on the real frames whose cameras are known: pitch, roll and vertical field of
# view in degrees; nothing is trained on these cameras.
_base_ = ['../camcalib/camcalib_lite.py', '../_base_/datasets/real_frames.py']
test_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **_base_.real_val_dataset.datasets[0],
        pipeline=_base_.photo_test_pipeline,
    )
)
