"""What a transform raises when one sample cannot be used, as against a mistake in the program."""


class BadSampleError(ValueError):
    """A photo that is missing, broken, or of another size than its label says.

    A data set in training logs it once per photo and draws another sample; in testing it puts a
    black photo without labels in its place, which counts in no figure, and the run says so.
    """


class SourceError(ValueError):
    """A file of a data set, as its authors deliver it, is missing, broken, or of another layout.

    A converter counts the file as dropped and goes on, if others are left.
    """
