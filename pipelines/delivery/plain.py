"""A message as plain text: of mails, tickets, and for the eyes of who asks what would be sent."""

from pipelines.delivery.messages import Item, Message, list_facts, one_line


def write_text(message: Message) -> str:
    """Everything that is told, a paragraph an action; the id stands in the last line."""
    parts = ["\n".join(_write_lines(item)) for item in message.items]
    return "\n\n".join([*parts, f"-- \n{message.message_id}\n"])


def _write_lines(item: Item) -> list[str]:
    facts = [f"{name}: {value}" for name, value in list_facts(item)]
    quotes = [f"> {line}" for said in item.quotes for line in said.text.splitlines()]
    return [one_line(item.title), "", item.reason, "", *facts, *(["", *quotes] if quotes else [])]
