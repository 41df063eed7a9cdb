"""Image backbones: each returns its last feature map."""

from whmr.models.backbones.timm_backbone import TimmBackbone
from whmr.models.backbones.vitpose import ViTPoseBackbone

__all__ = ['TimmBackbone', 'ViTPoseBackbone']
