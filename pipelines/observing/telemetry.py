"""Traces and metrics by OpenTelemetry, where its usual variables say where to; else nothing at all.

Needs the extra ``telemetry``. Spans and metrics carry ids of runs, names of steps and counts.
"""

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

# https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
_FLUSH_MS: Final = 5_000
_NAME: Final = "earful"
_active: "_Telemetry | None" = None


class _Telemetry:
    """The providers of a process, and its instruments."""

    def __init__(self, traces: Any, metrics: Any) -> None:
        self.providers = (traces, metrics)
        self.tracer = traces.get_tracer(_NAME)
        meter = metrics.get_meter(_NAME)
        self.duration = meter.create_histogram(
            "earful.duration", unit="s", description="how long runs and their steps took"
        )
        self.rows = meter.create_counter(
            "earful.rows", unit="{row}", description="rows by what became of them"
        )


def is_configured() -> bool:
    """Whether the environment names a collector."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return any(os.environ.get(name) for name in _ENDPOINTS)


@contextmanager
def open_telemetry(warn: Callable[[str], None]) -> Iterator[None]:
    """Send traces and metrics until the end of the block, if the environment says where to.

    :param warn: told when it does, and the extra is not installed.
    """
    if not is_configured():
        yield
        return
    try:
        traces, metrics = _make_providers()
    except ImportError:
        warn(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: no traces "
            "and metrics are sent; install it with: pip install 'earful[telemetry]'"
        )
        yield
        return
    with _tell_once(warn), use_providers(traces, metrics):
        yield


@contextmanager
def _tell_once(warn: Callable[[str], None]) -> Iterator[None]:
    """Tell once, and without the addresses in its own words, that something cannot be sent."""
    handler, logger = logging.Handler(logging.WARNING), logging.getLogger("opentelemetry")
    told: list[logging.LogRecord] = []

    def emit(record: logging.LogRecord) -> None:
        if not told:
            told.append(record)
            warn("the OpenTelemetry collector does not answer: traces and metrics cannot be sent")

    vars(handler)["emit"] = emit
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


@contextmanager
def use_providers(traces: Any, metrics: Any) -> Iterator[None]:
    """Give spans and metrics to some providers, and end these with the block."""
    global _active
    before, _active = _active, _Telemetry(traces, metrics)
    try:
        yield
    finally:
        _active = before
        for provider in (traces, metrics):
            with suppress(Exception):  # a collector that is down fails no run
                provider.force_flush(_FLUSH_MS)
                provider.shutdown()


@contextmanager
def open_span(name: str, **attributes: str | int) -> Iterator[None]:
    """Trace what happens in the block; an error marks the span, with its kind and no message."""
    if _active is None:
        yield
        return
    from opentelemetry.trace import Status, StatusCode

    named = {f"earful.{key}": value for key, value in attributes.items()}
    with _active.tracer.start_as_current_span(
        name, attributes=named, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def record_duration(what: str, seconds: float, step: str | None) -> None:
    """Measure a run or a step."""
    if _active is not None:
        _active.duration.record(seconds, {"of": what, **({"step": step} if step else {})})


def record_counts(counts: Mapping[str, int]) -> None:
    """Count what a run did with rows, by the names of the columns of ``run``."""
    if _active is not None:
        for name, n in counts.items():
            _active.rows.add(n, {"count": name})


def _make_providers() -> tuple[Any, Any]:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME", _NAME)})
    # Our own block ends them, also where the program leaves in a hurry.
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter())
    metrics = MeterProvider(resource=resource, metric_readers=[reader], shutdown_on_exit=False)
    return traces, metrics
