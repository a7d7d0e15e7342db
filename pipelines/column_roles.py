"""The roles that a column can be given with --map, by what a file holds."""

FEEDBACK_ROLES = (
    *("text", "id", "at", "customer", "email", "phone", "handle", "author", "rating"),
    *("rating_max", "lang", "title", "channel", "question", "source", "product", "reply"),
    *("thread", "version", "edited", "order", "city"),
    "birth",
)
CUSTOMER_ROLES = (
    *("customer", "email", "phone", "handle", "name", "segment", "country", "lang", "created"),
    *("city", "birth", "edited"),
)
EVENT_ROLES = (
    *("id", "order", "customer", "email", "phone", "handle", "at", "kind", "amount", "currency"),
)
ROLES = {"feedback": FEEDBACK_ROLES, "customers": CUSTOMER_ROLES, "events": EVENT_ROLES}
