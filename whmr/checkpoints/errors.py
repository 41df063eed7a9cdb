"""The error of checkpoint files."""


class CheckpointError(ValueError):
    """A checkpoint file is damaged, unsafe, or belongs to another model."""
