"""Errors whose one message tells a user what to do; the command line tools print it alone."""


class CheckpointError(ValueError):
    """A checkpoint file is damaged, unsafe, or belongs to another model."""


class ConfigError(ValueError):
    """A config or a command line option asks for something that does not exist."""


class MissingFilesError(FileNotFoundError):
    """Files that a config needs are not there; the message lists all of them."""


class NonFiniteError(ArithmeticError):
    """A loss or a weight became NaN or infinite."""
