"""The data sample of one person: labels, predictions, and where the crop lies in its photo."""

from mmengine.structures import BaseDataElement, InstanceData, PixelData


def _field(name: str, dtype: type, text: str) -> property:
    private = f'_{name}'

    def get(self):
        return getattr(self, private)

    def put(self, value):
        self.set_field(value, private, dtype=dtype)

    def drop(self):
        delattr(self, private)

    return property(get, put, drop, doc=text)


class HMRDataSample(BaseDataElement):
    """One person of one photo, as it goes from the data set to the metrics.

    `gt_` and `pred_` are said by the container, never by a field's name. Field names, shapes, units
    and frames are those of the data contract (docs/conventions.md); every `InstanceData` here has
    length 1.

    Metainfo: `img_path`, `img_id`, `sample_idx`, `dataset`, `ori_shape` (H, W of the full image as
        the model sees it),
    `crop_shape` (h, w of the network input), `crop2full` (2, 3 affine from crop pixels to full
    pixels), `topology` (of the body labels), `flipped`.
    """

    gt_instances = _field('gt_instances', InstanceData, 'Labels of the person.')
    pred_instances = _field('pred_instances', InstanceData, 'Predictions for the person.')
    gt_camera = _field('gt_camera', InstanceData, 'Labels of the camera.')
    pred_camera = _field('pred_camera', InstanceData, 'Predictions for the camera.')
    camera = _field(
        'camera', InstanceData, 'What the user knows of the camera; used instead of a prediction.'
    )
    gt_fields = _field('gt_fields', PixelData, 'Label maps over the crop.')
    pred_fields = _field('pred_fields', PixelData, 'Predicted maps over the crop.')
