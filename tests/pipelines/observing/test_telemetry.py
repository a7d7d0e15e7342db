"""Traces and metrics, read from memory exporters."""

import builtins
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.observing import telemetry
from pipelines.observing.steps import observe_step
from pipelines.runs import begin_run
from pipelines.store import Store
from tests.command_line import make_call

pytest.importorskip("opentelemetry.sdk", reason="the extra telemetry is not installed")
WORDS = "the canary sang"


class Collected:
    """What was sent."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.spans = InMemorySpanExporter()
        self.metrics = InMemoryMetricReader()

    def make_providers(self) -> tuple[Any, Any]:
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self.spans))
        return traces, MeterProvider(metric_readers=[self.metrics], shutdown_on_exit=False)

    def list_points(self) -> dict[tuple[str, ...], Any]:
        data = self.metrics.get_metrics_data()
        assert data is not None
        return {
            (metric.name, *map(str, point.attributes.values())): point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        }


@pytest.fixture
def collected() -> Iterator[Collected]:
    found = Collected()
    with telemetry.use_providers(*found.make_providers()):
        yield found


def test_a_run_is_a_span_with_its_steps_below_it_and_its_counts_are_metrics(
    collected: Collected, sqlite_store: Store
) -> None:
    with begin_run(sqlite_store, "ingest", config_hash="", lock_timeout_s=1) as run:
        with observe_step("ingest", run.counts):
            run.counts["n_read"] += 7
        with observe_step("link", run.counts):
            pass
    spans = {span.name: span for span in collected.spans.get_finished_spans()}
    assert set(spans) == {"run", "step ingest", "step link"}
    assert dict(spans["run"].attributes or {}) == {
        "earful.run_id": run.run_id,
        "earful.command": "ingest",
        "earful.engine": "local",
    }
    for name in ("ingest", "link"):
        assert spans[f"step {name}"].parent == spans["run"].context
    points = collected.list_points()
    assert points["earful.rows", "n_read"].value == 7
    assert points["earful.duration", "step", "ingest"].count == 1
    assert points["earful.duration", "run"].count == 1


def test_a_failure_marks_its_span_and_quotes_nothing(
    collected: Collected, sqlite_store: Store
) -> None:
    with (
        pytest.raises(ValueError, match="canary"),
        begin_run(sqlite_store, "ingest", config_hash="", lock_timeout_s=1),
    ):
        raise ValueError(WORDS)
    (span,) = collected.spans.get_finished_spans()
    assert not span.status.is_ok
    assert span.status.description == "ValueError"
    assert "canary" not in span.to_json()


def test_a_collector_that_is_down_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    done = make_call(capsys)("schema", "theme")
    assert done.code == 0
    assert done.err.count("cannot be sent") == 1
    assert "127.0.0.1" not in done.err


def test_without_the_extra_a_warning_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = builtins.__import__

    def miss(name: str, *given: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return found(name, *given)

    monkeypatch.setattr(builtins, "__import__", miss)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    done = make_call(capsys)("schema", "theme")
    assert done.code == 0
    assert "pip install 'earful[telemetry]'" in done.err
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert make_call(capsys)("schema", "theme").err == ""
