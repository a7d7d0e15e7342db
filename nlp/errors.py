"""The errors that `nlp` raises on purpose."""


class ModelError(ValueError):
    """A model that cannot be found, trusted, read or mapped; the message says what to do next."""


class MissingModelError(ModelError):
    """There is no model of that name on this machine."""
