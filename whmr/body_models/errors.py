"""What is raised where data of one body meets another."""


class BodyMismatchError(ValueError):
    """A table or a label belongs to another body than the one that is to use it."""
