# Stage 1 of `make demo`: the light model, a few hundred synthetic images, a minute of training.
_base_ = ['../whmr/whmr_lite_stage1.py']
