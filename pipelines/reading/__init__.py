"""Reading what customers said, and what is known about them, from files of many kinds.

The way through: :func:`find_files`, then for each file :func:`open_tables`, for each table
:func:`sample_table` and :func:`plan_table`; then open the tables again and take
:func:`feedback_items`, :func:`customer_records` or :func:`event_records`.
"""

from pipelines.reading.fields import Tally
from pipelines.reading.files import Inputs, find_files, find_inputs
from pipelines.reading.formats import Formats, learn_formats
from pipelines.reading.items import CustomerRecord, EventRecord, FeedbackItem
from pipelines.reading.kinds import KindGuess, recognise_kind
from pipelines.reading.mapping import ColumnMap, apply_map
from pipelines.reading.opening import open_tables
from pipelines.reading.plans import Plan, plan_table
from pipelines.reading.records import customer_records, event_records, feedback_items
from pipelines.reading.roles import recognise_roles
from pipelines.reading.sampling import Sample, sample_table
from pipelines.reading.streams import InputFile
from pipelines.reading.tables import REASONS, BadRow, Row, Table

__all__ = [
    "REASONS",
    "BadRow",
    "ColumnMap",
    "CustomerRecord",
    "EventRecord",
    "FeedbackItem",
    "Formats",
    "InputFile",
    "Inputs",
    "KindGuess",
    "Plan",
    "Row",
    "Sample",
    "Table",
    "Tally",
    "apply_map",
    "customer_records",
    "event_records",
    "feedback_items",
    "find_files",
    "find_inputs",
    "learn_formats",
    "open_tables",
    "plan_table",
    "recognise_kind",
    "recognise_roles",
    "sample_table",
]
