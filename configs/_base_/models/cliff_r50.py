# CLIFF with a ResNet-50: HMR that is told where the crop lies.
_base_ = ['./hmr_r50.py']
_host = dict(type='CLIFF', head=dict(extra_dim=3), full_2d_to_camera=True)
