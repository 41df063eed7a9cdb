"""People of a video followed from frame to frame: tracking, shots, gaps and smoothing."""

from whmr.tracking.base import Tracker
from whmr.tracking.bounded_sample import BoundedSample
from whmr.tracking.box_tracker import BoxTracker, box_overlaps
from whmr.tracking.gaps import fill_gaps
from whmr.tracking.one_euro import OneEuroSmoother
from whmr.tracking.rotation_steps import median_rotation, rotation_step, take_step
from whmr.tracking.savitzky_golay import SavitzkyGolaySmoother
from whmr.tracking.shot_detector import ShotDetector
from whmr.tracking.smooth_frames import smooth_frames
from whmr.tracking.smoother import Signal, Smoother
from whmr.tracking.track_frame import TrackFrame, between, read_frames
from whmr.tracking.track_shapes import TrackShapes

__all__ = [
    'BoundedSample',
    'BoxTracker',
    'OneEuroSmoother',
    'SavitzkyGolaySmoother',
    'ShotDetector',
    'Signal',
    'Smoother',
    'TrackFrame',
    'TrackShapes',
    'Tracker',
    'between',
    'box_overlaps',
    'fill_gaps',
    'median_rotation',
    'read_frames',
    'rotation_step',
    'smooth_frames',
    'take_step',
]
