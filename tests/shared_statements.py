"""One cache of compiled statements for all engines of a kind, where a process opens many."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine


def share_statements() -> Callable[..., Engine]:
    """Give what makes engines: the first one that connects lends later ones its statements."""
    first: dict[str, Engine] = {}

    def create(url: Any, **options: Any) -> Engine:
        engine = create_engine(url, **options)
        lender = first.get(engine.driver)
        if lender is None:
            # A dialect learns what the server can do when it connects first.
            event.listen(
                engine, "first_connect", lambda *_: first.setdefault(engine.driver, engine)
            )
        else:
            engine.dialect = lender.dialect
            engine._compiled_cache = lender._compiled_cache
        return engine

    return create
