"""Necks: from the backbone's map to a pyramid of maps."""

from whmr.models.necks.deconv_neck import DeconvNeck

__all__ = ['DeconvNeck']
