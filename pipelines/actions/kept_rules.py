"""The rules that actions were last raised by, kept for commands that raise none."""

from sqlalchemy import Connection

from pipelines.actions.rules import Rules, dump_rules, load_rules
from pipelines.store import read_info, write_info

_RULES = "action_rules"


def keep_rules(connection: Connection, rules: Rules) -> None:
    """Keep the rules; nothing is written where none are and none were."""
    stored, given = read_info(connection, _RULES), dump_rules(rules)
    if stored != given and (rules or stored):
        write_info(connection, _RULES, given)


def read_kept_rules(connection: Connection) -> Rules:
    """The rules of the last time; none before the first."""
    return load_rules(read_info(connection, _RULES) or "[]")
