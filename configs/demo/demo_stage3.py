# Stage 3 of `make demo`: the light model, a few hundred synthetic images, a minute of training.
_base_ = ['../whmr/whmr_lite_stage3.py']
