"""Extractors: from a feature map and points on it to one vector per person."""

from whmr.models.extractors.grid_points import grid_points
from whmr.models.extractors.pixel_aligned import PixelAlignedExtractor

__all__ = ['PixelAlignedExtractor', 'grid_points']
