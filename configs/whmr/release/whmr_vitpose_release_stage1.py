# Stage I as the release trains it: later steps sample at points normalised on the square crop.
_base_ = ['../whmr_vitpose_stage1.py']
model = dict(square_sampling=True)
