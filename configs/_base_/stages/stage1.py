# Stage I (W-HMR Sec. 3.4): regressors and distance; the full image's 2D loss reaches the distance
# alone.
grad_flow = dict(crop_2d_to_body=True, full_2d_to_body=False, distance_to_features=False)
losses = dict(
    keypoints_2d_crop=dict(type='Keypoint2DLoss', weight=300.0),
    keypoints_2d_full=dict(type='Keypoint2DLoss', weight=300.0),
    keypoints_3d=dict(type='Keypoint3DLoss', weight=300.0),
    pose=dict(type='PoseLoss', weight=60.0),
    shape=dict(type='ShapeLoss', weight=0.06),
    vertices=dict(type='VertexLoss', weight=15.0),
    focal=dict(type='FocalLoss', weight=1e-6),
    camera=dict(type='CameraScaleLoss', weight=1.0),
)
