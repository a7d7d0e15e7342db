"""A planted store whose customers have keys, records, orders and rejected rows."""

from pathlib import Path

from sqlalchemy import func, insert, select, update

from pipelines import tables
from pipelines.config import Config
from pipelines.keys import hash_keys
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.pipelines.planted import START, PlantedJob, add_feedback
from tests.pipelines.store_copies import open_copy

SECRET = "a secret that is long enough"
N_ROWS = 120
ID = "customer-number-{}"
"""Long enough to be looked for byte by byte."""


def name_customer(number: int) -> str:
    return ID.format(number)


def make_people_job(store: Store, folder: Path, **sections: object) -> PlantedJob:
    """A job with the secret that the keys were hashed with."""
    folder.mkdir(exist_ok=True)
    secret = folder / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(SECRET)
    url = store.url.render_as_string(hide_password=False)
    config = Config.model_validate({"store": {"url": url}, **sections})
    return PlantedJob(config, folder / "cache", secret_path=secret)


def open_people(url: str) -> Store:
    """Nine customers, each with an e-mail, a phone and an order; the ninth has no record."""
    return open_copy(url, "people", _fill)


def _fill(store: Store) -> None:
    add_feedback(store, range(N_ROWS))
    feedback = tables.feedback.c
    with begin_run(store, "people", config_hash="", lock_timeout_s=5) as run:
        connection = run.connection
        for number in range(9):
            name = name_customer(number)
            connection.execute(
                update(tables.feedback)
                .where(feedback.customer_id == f"c{number}")
                .values(customer_id=name, link_method="email", author_key=f"author-key-{number}")
            )
            keys = hash_person_keys(number)
            rows = [
                {"key_type": kind, "key_hash": key, "customer_id": name, "source": "crm"}
                for kind, key in keys.items()
            ]
            connection.execute(insert(tables.customer_key), rows)
            record = {"customer_id": name, "segment": f"segment {number % 3}"}
            connection.execute(insert(tables.customer).values(**record))
            order = {"event_id": f"order-of-{name}", "kind": "order", "at": START, "amount": 9.5}
            connection.execute(insert(tables.event).values(customer_id=name, **order))
            raw = f'{{"Customer": "{name.upper()}", "Comment": ""}}'
            rejected = {"rejected_id": f"r{number}", "reason": "no_text", "raw": raw, "file": "f"}
            connection.execute(insert(tables.rejected).values(run_id=run.run_id, **rejected))
        own = select(feedback.feedback_id, feedback.customer_id)
        links = [
            {"feedback_id": feedback_id, "key_type": "email", "key_hash": key}
            for feedback_id, customer in connection.execute(own).all()
            for key in [hash_person_keys(int(customer[-1]))["email"]]
        ]
        connection.execute(insert(tables.feedback_key), links)
        run.mark_changed()
    with begin_run(store, "publish", config_hash="", lock_timeout_s=5) as run:
        from pipelines.concluding import conclude

        conclude(run)


def hash_person_keys(number: int) -> dict[str, str]:
    values = {
        "customer_id": name_customer(number),
        "email": f"c{number}@example.com",
        "phone": f"+12025550{number:03d}",
    }
    return hash_keys(SECRET.encode(), values)


def read_texts(store: Store, customer: str) -> list[str]:
    """What a customer said."""
    feedback = tables.feedback.c
    with store.read() as connection:
        query = select(feedback.text).where(feedback.customer_id == customer)
        return list(connection.execute(query).scalars())


def count_all(store: Store, name: str) -> int:
    with store.read() as connection:
        table = tables.metadata.tables[name]
        return connection.execute(select(func.count()).select_from(table)).scalar_one()
