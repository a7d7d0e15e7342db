"""CSV files dropped into a folder, from which another program fetches them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from pipelines.clock import Clock
from pipelines.csv_tables import stream_csv_rows
from pipelines.delivery.failures import DeliveryError
from pipelines.delivery.messages import Item, Message, Receipt
from pipelines.delivery.settings import DestinationConfig, WhenUnknown
from pipelines.replacing import replace_file

HEADS: Final = (
    *("message_id", "action_id", "kind", "rule", "created_at", "title", "reason"),
    *("customer_id", "segment", "theme_id", "theme", "facts", "quotes"),
)


class CsvConfig(DestinationConfig):
    """A folder; each delivery is one file in it."""

    kind: Literal["csv"]
    folder: Annotated[str, Field(min_length=1)]

    def connect(self, folder: Path, clock: Clock) -> "CsvDrop":
        """Make the destination."""
        return CsvDrop(self, folder)


class CsvDrop:
    """A file is called by the message's id: written again, it replaces itself."""

    max_items = 10_000
    takes_all = True
    leaves_files = True
    when_unknown: WhenUnknown = "again"

    def __init__(self, config: CsvConfig, folder: Path) -> None:
        self.secrets: frozenset[str] = frozenset()
        self._folder = folder / Path(config.folder).expanduser()
        self._name = config.name

    def open(self) -> None:
        """There is no secret."""

    def render(self, message: Message) -> dict[str, Any]:
        """The file."""
        rows = [dict(zip(HEADS, row, strict=True)) for row in _make_rows(message)]
        return {"file": str(self._path(message)), "rows": rows}

    def send(self, message: Message) -> Receipt:
        """Write the file whole, or not at all."""
        path = self._path(message)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, write_rows(message))
        except OSError as error:
            said = error.strerror or type(error).__name__
            raise DeliveryError(
                f"the file could not be written ({said}); check the folder and its rights",
                "destination",
            ) from None
        return Receipt(str(path.absolute()))

    def find(self, message: Message) -> Receipt | None:
        """To write it again is as good."""
        return None

    def _path(self, message: Message) -> Path:
        return self._folder / f"{self._name}-{message.message_id}.csv"


def write_rows(message: Message) -> bytes:
    """The file's content: UTF-8 with the mark by which Excel knows it, formulas neutralised."""
    stream = io.BytesIO()
    stream_csv_rows(stream, [HEADS, *_make_rows(message)], "utf-8-sig")
    return stream.getvalue()


def _make_rows(message: Message) -> list[Sequence[str]]:
    return [(message.message_id, *_make_cells(item)) for item in message.items]


def _make_cells(item: Item) -> Sequence[str]:
    about = (item.customer_id, item.segment, item.theme_id, item.theme)
    return (
        *(item.action_id, item.kind, item.rule, item.created_at.isoformat(), item.title),
        item.reason,
        *(value or "" for value in about),
        json.dumps(dict(item.facts), ensure_ascii=False),
        json.dumps([said.text for said in item.quotes], ensure_ascii=False),
    )
