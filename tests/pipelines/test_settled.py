"""Where nothing was read and no table changed, a run does not go through the whole store."""

from pathlib import Path

import pytest

from pipelines import link
from pipelines.config import Config
from pipelines.inputs import given_inputs
from pipelines.job import Job, run_steps
from pipelines.progress import SilentProgress
from pipelines.runs import begin_run
from pipelines.store import open_store

FEEDBACK = "id,text,email\n1,The card came late,dana@example.com\n2,All good,noa@example.com\n"
CUSTOMERS = "customer_id,email,city\nc1,dana@example.com,Haifa\nc2,{},Haifa\n"


def test_links_are_made_anew_only_where_they_may_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    real = link.link_store
    monkeypatch.setattr(link, "link_store", lambda *given: done.append("link") or real(*given))
    (tmp_path / "said.csv").write_text(FEEDBACK, encoding="utf-8")

    def run(email: str, **linking: int) -> int:
        (tmp_path / "crm.csv").write_text(CUSTOMERS.format(email), encoding="utf-8")
        url = f"sqlite:///{tmp_path}/store.db"
        config = Config.model_validate({"store": {"url": url}, "linking": linking})
        job = Job(config, tmp_path, secret_path=tmp_path / "secret")
        told = {"source": None, "pairs": [], "progress": SilentProgress()}
        inputs = given_inputs([str(tmp_path / "said.csv"), str(tmp_path / "crm.csv")], **told)
        done.clear()
        run_steps(job, "run", ("customers", "ingest", "link"), inputs)
        return len(done)

    assert run("other@example.com") == 1
    assert run("other@example.com") == 0
    # Of the record nothing changed but a key, of which the store has a hash.
    assert run("noa@example.com") == 1
    assert run("noa@example.com") == 0
    assert run("noa@example.com", max_key_customers=3) == 1
    assert run("noa@example.com", max_key_customers=3) == 0
    with begin_run(
        open_store(f"sqlite:///{tmp_path}/store.db"), "check", config_hash="", lock_timeout_s=1
    ) as other:
        other.mark_changed()
    assert run("noa@example.com", max_key_customers=3) == 1
