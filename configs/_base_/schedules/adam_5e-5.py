# The release's schedule: constant learning rate, 170 epochs of 165,000 samples, validation each
# epoch.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-5, fused=True))
train_cfg = dict(by_epoch=True, max_epochs=170, val_interval=1)
val_cfg = dict()
test_cfg = dict()
