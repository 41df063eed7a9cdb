# OrientCorrect on a model of an installed package: a timm network whose one output is all numbers.
_base_ = '../../configs/whmr/whmr_lite_stage3.py'
model = dict(
    estimator=dict(
        _delete_=True,
        type='ExternalHMR',
        body_model=_base_.body_model,
        model='timm:create_model',
        model_args=dict(model_name='resnet18', num_classes=24 * 6 + 10 + 3),
        feature='global_pool',
        outputs=dict(
            pose=dict(path='', columns=(0, 144), format='rot6d'),
            betas=dict(path='', columns=(144, 154)),
            weak_cam=dict(path='', columns=(154, 157)),
        ),
    ),
    orientation=dict(feat_dim=512),
)
