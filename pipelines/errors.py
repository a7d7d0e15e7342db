"""The errors a user can meet: each has its exit code and says what to do next."""


class EarfulError(Exception):
    """Something the user should know and can act on; shown without a traceback."""

    exit_code = 1


class InputError(EarfulError):
    """An input file is missing, unreadable or holds nothing usable."""


class ConfigError(EarfulError):
    """Wrong use: an option, a mapping or the configuration file is wrong."""

    exit_code = 2


class NoRoomError(EarfulError):
    """What is to be read does not fit into the memory or onto the disk; nothing was done."""

    exit_code = 2


class MappingError(ConfigError):
    """A mapping names a role or a column that a file does not have: another file may have it."""


class StoreError(EarfulError):
    """The store cannot be used: not ours, newer than this program, read-only, or full."""


class MissingStoreError(StoreError):
    """There is no store yet where one was to be read."""


class StoppedError(EarfulError):
    """Somebody stopped a command that had done a part of its work; says which."""


class LockedError(EarfulError):
    """Another run holds the store's lock."""

    exit_code = 4
