"""The one error of all that can be wrong with a data set."""


class DataError(ValueError):
    """A data set that cannot be had: unknown, missing, damaged, or another one than expected.

    One message that names the thing, what was expected and found, and the remedy.
    """
