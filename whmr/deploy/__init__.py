"""Exported models in use: needs numpy and onnxruntime alone, and no other part of the package."""

from whmr.deploy.cameras import read_camera
from whmr.deploy.model_folder import ModelFolder
from whmr.deploy.onnx_hmr import OnnxHMR
from whmr.deploy.pixels import crop_person, resize_photo

__all__ = ['ModelFolder', 'OnnxHMR', 'crop_person', 'read_camera', 'resize_photo']
