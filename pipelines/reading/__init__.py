"""Reading what customers said, and what is known about them, from files of many kinds."""

from pipelines.reading.files import InputFile, Inputs, find_files, find_inputs
from pipelines.reading.opening import open_tables
from pipelines.reading.tables import REASONS, BadRow, Row, Table

__all__ = [
    "REASONS",
    "BadRow",
    "InputFile",
    "Inputs",
    "Row",
    "Table",
    "find_files",
    "find_inputs",
    "open_tables",
]
