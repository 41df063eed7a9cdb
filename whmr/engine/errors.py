"""Errors whose one message tells a user what to do; the command line tools print it alone."""

from whmr.checkpoints import CheckpointError as CheckpointError


class ConfigError(ValueError):
    """A config or a command line option asks for something that does not exist."""


class MissingFilesError(FileNotFoundError):
    """Files that a config needs are not there; the message lists all of them."""


class NonFiniteError(ArithmeticError):
    """A loss or a weight became NaN or infinite."""
