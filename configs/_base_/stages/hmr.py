# Supervision of models that know no full image (SPIN's terms): 2D in the crop, 3D, pose and shape.
losses = dict(
    keypoints_2d_crop=dict(type='Keypoint2DLoss', weight=300.0),
    keypoints_3d=dict(type='Keypoint3DLoss', weight=300.0),
    pose=dict(type='PoseLoss', weight=60.0),
    shape=dict(type='ShapeLoss', weight=0.06),
    camera=dict(type='CameraScaleLoss', weight=1.0),
)
