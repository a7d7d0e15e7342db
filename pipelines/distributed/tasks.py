"""What the nodes of a cluster are asked to do, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from nlp.near_copies import Collisions, find_collisions
from nlp.themes.assignment import Assignment, assign_themes
from pipelines.config_sections import ModelsConfig
from pipelines.distributed.receipts import ShardReceipt
from pipelines.distributed.shards import ShardOrder, make_shard
from pipelines.errors import EarfulError
from pipelines.known_files import hash_file
from pipelines.loading import FileInput
from pipelines.models import Models
from pipelines.recognition import FilePlan, plan_feedback


@dataclass(frozen=True)
class Planned:
    """How a file is read, and what its user should know."""

    plan: FilePlan
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """What went wrong without our having foreseen it; never the text of the error."""

    kind: str
    place: str


@dataclass(frozen=True)
class Worker:
    """What a model actor works with: its models, loaded once, and what all tasks share."""

    models: Models
    shared: Mapping[str, Any] = field(default_factory=dict)

    def do(self, task: str, argument: Any) -> Any:
        """Do a task; an error is a result as well."""
        try:
            return _TASKS[task](self, argument)
        except EarfulError as error:
            return error
        except Exception as error:  # noqa: BLE001 -- whatever it is, it may work elsewhere
            return Broken(type(error).__name__, _find_place(error))


def make_models(config: ModelsConfig, cache_dir: Path, cpus: float) -> Models:
    """The models of an actor, which share a node with those of others."""
    return Models(config, cache_dir, max(1, round(cpus)))


def _hash(_worker: Worker, given: FileInput) -> str:
    return hash_file(given.file)


def _plan(_worker: Worker, argument: tuple[FileInput, int]) -> Planned:
    given, part_rows = argument
    warnings: list[str] = []
    plan = plan_feedback(given.file, given.pairs, part_rows=part_rows, warn=warnings.append)
    return Planned(plan, (*warnings,))


def _shard(worker: Worker, order: ShardOrder) -> ShardReceipt:
    return make_shard(order, worker.models, worker.shared["known"])


def _collide(_worker: Worker, argument: tuple[Any, Any, Any]) -> list[Collisions]:
    keys, places, is_new = argument
    every = np.ones(len(places), dtype=bool)
    return [
        Collisions(places[found.pairs], [places[crowd].tolist() for crowd in found.crowds])
        for found in find_collisions(keys[:, None], every, is_new)
    ]


def _assign(worker: Worker, argument: tuple[Any, Any, Any, Any]) -> Assignment:
    texts, vectors, langs, registers = argument
    known, means = worker.shared["themes"], worker.shared["means"]
    return assign_themes(texts, vectors, langs, known, registers=registers, means=means)


_TASKS: Final[Mapping[str, Callable[[Worker, Any], Any]]] = {
    "hash": _hash,
    "plan": _plan,
    "shard": _shard,
    "collide": _collide,
    "assign": _assign,
}


def _find_place(error: Exception) -> str:
    """The last of our own lines that the error passed."""
    place, trace = "", error.__traceback__
    while trace:
        path = Path(trace.tb_frame.f_code.co_filename)
        if {"pipelines", "nlp"} & {*path.parts}:
            place = f"{path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
