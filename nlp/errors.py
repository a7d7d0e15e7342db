"""The errors that `nlp` raises on purpose."""


class ModelError(ValueError):
    """A model that cannot be found, trusted, read or mapped; the message says what to do next."""


class UnfitModelError(ModelError):
    """A model that is whole, as far as was looked, and cannot be used for what it is named for."""


class ModelCacheError(ModelError):
    """The folder of converted models cannot be used: the disk, and not the model."""


class MissingModelError(ModelError):
    """There is no model of that name on this machine."""
