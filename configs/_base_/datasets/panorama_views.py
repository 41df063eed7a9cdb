# Whole views of panoramas for a camera calibrator; nothing to download, nothing on disk. No other
# set shows these places. A view is cut at the size that the calibrator takes, and its roll is the
# sampled one, so the pipeline turns nothing.
_sizes = [(171, 128), (128, 171), (228, 128), (128, 128)]
view_pipeline = [
    dict(type='LoadImage'),
    dict(type='GetBox'),
    dict(type='ResizeFull', short_side=128, max_long_side=256),
    dict(type='PackHMRInputs'),
]
view_train_pipeline = [
    *view_pipeline[:2],
    dict(type='RandomFlip', prob=0.5),
    view_pipeline[2],
    dict(type='PhotometricJitter', gray_prob=0.1),
    view_pipeline[3],
]
panorama_train_dataset = dict(
    type='PanoramaViews', num_views=50000, image_size=_sizes, pipeline=view_train_pipeline
)
panorama_val_dataset = dict(
    type='PanoramaViews',
    num_views=1000,
    seed=1,
    image_size=_sizes,
    pipeline=view_pipeline,
    test_mode=True,
)
