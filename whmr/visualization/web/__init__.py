"""Results as one self-contained web page."""

from whmr.visualization.web.page import encode_page
from whmr.visualization.web.page_picture import PagePicture
from whmr.visualization.web.page_scene import page_scene

__all__ = ['PagePicture', 'encode_page', 'page_scene']
