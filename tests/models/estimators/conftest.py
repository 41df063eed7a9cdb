"""A W-HMR small enough for a CPU test, with every part of the real one."""



STAGES = {
    'stage1': dict(
        crop_2d_to_body=True, full_2d_to_body=False, distance_to_features=False
    ),
    'stage2': dict(
        crop_2d_to_body=False, full_2d_to_body=True, distance_to_features=True
    ),
}
LOSSES = dict(
    keypoints_2d_crop=dict(type='Keypoint2DLoss'),
    keypoints_2d_full=dict(type='Keypoint2DLoss'),
    keypoints_3d=dict(type='Keypoint3DLoss'),
    pose=dict(type='PoseLoss'),
    shape=dict(type='ShapeLoss'),
    vertices=dict(type='VertexLoss', weight=15.0),
    focal=dict(type='FocalLoss'),
    camera=dict(type='CameraScaleLoss'),
)
