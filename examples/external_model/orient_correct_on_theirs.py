# OrientCorrect on a model class that lives outside the package.
_base_ = '../../configs/whmr/whmr_lite_stage3.py'
model = dict(
    estimator=dict(
        _delete_=True,
        type='ExternalHMR',
        body_model=_base_.body_model,
        model='external_model.their_model:TheirHMR',
        model_args=dict(width=32),
        inputs=dict(img='crop', box_center='bbox_center', box_size='bbox_size'),
        as_dict=True,
        feature='pool',
        feature_pool='flatten',
        axes='opengl',
        outputs=dict(
            global_orient=dict(path='smpl.root', format='axis_angle'),
            body_pose=dict(path='smpl.joints', format='axis_angle'),
            betas='smpl.shape',
            cam_t=dict(path='camera.translation_mm', unit='mm'),
            focal_length='camera.focal',
        ),
    ),
    orientation=dict(feat_dim=32),
)
