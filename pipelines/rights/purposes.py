"""What customers' words and rows are used for, and what is allowed where nobody said anything."""

import json
from typing import Final, Literal, get_args

from sqlalchemy import Connection

from pipelines.store import read_info, write_info

Purpose = Literal["analysis", "quoting", "contact", "profiling"]
Mode = Literal["allowed", "consent", "never"]
Policy = dict[Purpose, Mode]

PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
# Analysis and quotes of masked texts inside the company, and insight about one's own customers,
# rest on a legitimate interest, with the right to object (GDPR 6(1)(f) and 21): a withdrawal is
# that. To approach somebody unasked takes their consent (ePrivacy 13), so contact needs a row.
DEFAULT_POLICY: Final[Policy] = {
    "analysis": "allowed",
    "quoting": "allowed",
    "contact": "consent",
    "profiling": "allowed",
}
_POLICY = "consent_policy"


def read_policy(connection: Connection) -> Policy:
    """The policy that this store was last written with."""
    stored = read_info(connection, _POLICY)
    return {**DEFAULT_POLICY, **json.loads(stored)} if stored else dict(DEFAULT_POLICY)


def write_policy(connection: Connection, policy: Policy) -> bool:
    """Lay a policy down in the store, where everything that leaves it asks.

    :returns: whether it is another one.
    """
    if read_policy(connection) == policy:
        return False
    write_info(connection, _POLICY, json.dumps(policy, sort_keys=True))
    return True
