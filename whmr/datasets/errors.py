"""What a transform raises when one sample cannot be used, as against a mistake in the program."""


class BadSampleError(ValueError):
    """A photo that is missing, broken, or of another size than its label says.

    A data set in training logs it once per photo and draws another sample; in testing it ends the
    run, since a number over fewer samples would not be the benchmark's.
    """
