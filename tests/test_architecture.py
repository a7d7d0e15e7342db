"""The shape of the code, held against the design: layers, imports, top level, weights, network."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("nlp", "pipelines")
HEAVY = {"torch", "transformers", "spacy", "sentence_transformers", "hdbscan", "ray", "sklearn"}
# What `earful --help` does not need: half a second of imports, which it must answer in.
SLOW_TO_START = {
    *("numpy", "scipy", "pandas", "pyarrow", "sqlalchemy", "alembic", "pydantic", "jinja2"),
    *("psycopg", "pysqlite3", "sqlite3", "phonenumbers", "email_validator", "charset_normalizer"),
    *("rapidfuzz", "safetensors", "tokenizers", "python_calamine", "asyncio", "concurrent.futures"),
    *("importlib.metadata", "ssl", "tomllib", "zipfile", "pipelines.reading", "pipelines.config"),
    *("pipelines.tables", "pipelines.store", "pipelines.job", "pipelines.models", "nlp"),
}
# What nlp must not touch: storage, network, the environment, the clock, output, logs.
FORBIDDEN_IN_NLP = {"sqlalchemy", "requests", "httpx", "urllib", "socket", "time", "datetime"}
# Temporary tables are of the step that makes them; that of a sync is in another database.
TABLE_MODULES = {
    *("pipelines.tables", "pipelines.staging", "pipelines.linking.scratch", "pipelines.bulk"),
    "pipelines.judging.voices",
    "pipelines.syncs.sql_table",
    "pipelines.half_vectors",
}
ALLOWED_TOP_LEVEL = {
    *("pyproject.toml", "README.md", "nlp", "pipelines", "configs", "tests", "scripts"),
    *("LICENSE", "CHANGELOG.md"),
    *("requirements.lock", "requirements-dev.lock", "requirements-benchmark.lock"),
}


def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path, *, only_top: bool = False) -> frozenset[str]:
    tree = parse(path)
    nodes = _top_level(tree) if only_top else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def _top_level(tree: ast.Module) -> Iterator[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node


def test_nlp_does_not_import_pipelines() -> None:
    for name, path in MODULES.items():
        if name.split(".")[0] == "nlp":
            assert not {each for each in imports_of(path) if each.split(".")[0] == "pipelines"}, (
                name
            )


def test_nothing_imports_scripts_or_tests() -> None:
    for name, path in MODULES.items():
        assert not {each.split(".")[0] for each in imports_of(path)} & {"scripts", "tests"}, name


@pytest.mark.parametrize(
    ("package", "others"),
    [
        ("pipelines.themes", ("pipelines.edits", "pipelines.evaluation", "pipelines.cli")),
        ("pipelines.evaluation", ("pipelines.edits", "pipelines.cli")),
        ("pipelines.edits", ("pipelines.evaluation", "pipelines.cli")),
        ("pipelines.reading", ("pipelines.themes", "pipelines.edits", "pipelines.store")),
    ],
)
def test_a_package_does_not_know_those_above_it(package: str, others: tuple[str, ...]) -> None:
    own = {name: path for name, path in MODULES.items() if name.startswith(f"{package}.")}
    assert own
    for name, path in own.items():
        assert not {each for each in imports_of(path) if each.startswith(others)}, name


def test_imports_have_no_cycle() -> None:
    graph = {
        name: {each for each in imports_of(path) if each in MODULES and each != name}
        for name, path in MODULES.items()
    }
    finished: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail[trail.index(name) :], name))
        if name not in finished:
            for imported in sorted(graph[name]):
                visit(imported, (*trail, name))
            finished.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", sorted(MODULES))
def test_heavy_libraries_are_imported_inside_functions(name: str) -> None:
    top = {each.split(".")[0] for each in imports_of(MODULES[name], only_top=True)}
    assert not top & HEAVY


def test_nlp_touches_no_storage_network_clock_or_environment() -> None:
    for name, path in MODULES.items():
        if name.split(".")[0] != "nlp":
            continue
        used = {each.split(".")[0] for each in imports_of(path)}
        assert not used & FORBIDDEN_IN_NLP, name
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text, name
        assert "print(" not in text, name


def test_no_pickle_is_read_anywhere() -> None:
    for name, path in MODULES.items():
        used = {each.split(".")[0] for each in imports_of(path)}
        assert not used & {"pickle", "joblib", "dill", "shelve", "marshal"}, name
        assert "torch.load(" not in path.read_text(encoding="utf-8"), name


def test_weights_are_loaded_in_one_module() -> None:
    loaders = ("SentenceTransformer(", ".from_pretrained(")
    users = {
        name
        for name, path in MODULES.items()
        if any(loader in path.read_text(encoding="utf-8") for loader in loaders)
    }
    assert users == {"nlp.weights"}


def test_tables_are_declared_in_one_module() -> None:
    for name, path in MODULES.items():
        if "versions" in name or name in TABLE_MODULES:
            continue
        tree = parse(path)
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        made = [call for call in calls if isinstance(call, ast.Name) and call.id == "MetaData"]
        assert not made, name


def test_the_top_level_is_as_our_user_fixed_it() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= ALLOWED_TOP_LEVEL


def test_the_command_line_starts_without_heavy_libraries() -> None:
    program = (
        "import sys; from pipelines.cli.app import run_app; run_app(['--help']); "
        "print([m for m in sys.argv[1].split(',') if m in sys.modules], file=sys.stderr)"
    )
    heavy = ",".join(sorted(HEAVY | SLOW_TO_START))
    done = subprocess.run(
        [sys.executable, "-c", program, heavy], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stderr.strip() == "[]"
    assert "earful" in done.stdout


@pytest.mark.model
def test_splitting_and_the_default_models_leave_torch_alone() -> None:
    # 3 s and 250 MB of every run; where OpenVINO is missing torch is what computes.
    pytest.importorskip("openvino")
    program = """
import sys
from nlp.mentions import split_texts
from pipelines.config import user_cache_dir
from pipelines.config_sections import ModelsConfig
from pipelines.models import Models

text = "The food was great but the waiter was rude."
assert len(split_texts([text], ["en"])[0]) == 2
assert Models(ModelsConfig(), user_cache_dir()).read([text], ["en"]).vectors.shape == (1, 384)
assert "torch" not in sys.modules
import torch
from thinc.api import get_current_ops
assert get_current_ops().name == "numpy"
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_every_module_says_what_it_is_for() -> None:
    for name, path in MODULES.items():
        assert ast.get_docstring(parse(path)), name


# What customers said, or who they are. Who reads it to show or write it asks the gate; who reads it
# to compute stands here, with what is computed.
_WORDS = {"feedback", "mention", "theme_quote", "feedback_version"}
_ROWS = {"customer_insight", "customer_theme"}
_ALIASES = {"_feedback": "feedback", "_mention": "mention", "quote": "theme_quote"}
GATE = "pipelines.rights.gate"
COMPUTES = {
    # What comes in, and what is made of words in the store: mentions, vectors, likeness, noise.
    *("pipelines.splitting", "pipelines.enrich", "pipelines.adverts", "pipelines.likeness"),
    "pipelines.bursts",
    "pipelines.copies",
    # Placeholders are counted; no text leaves.
    "pipelines.source_inventory",
    # Looking for what is left of somebody; the log of edits gives ids only.
    *("pipelines.rights.scan", "pipelines.edits.traces"),
    # Themes are named by the words of those who are left.
    "pipelines.rights.remaining",
    # Writes the rows that it makes of customer_mentions, which asks.
    "pipelines.customer_rows",
    # The views show what the gate laid down in the tables.
    "pipelines.views",
    # Of words it keeps numbers; pipelines.asking.answers asks before it shows what they find.
    "pipelines.asking.indexing",
}


def _reads_words(path: Path) -> bool:
    """Whether a module reads a column ``text``, a whole row, columns by variable, or insight."""
    return any(map(_is_reading, ast.walk(parse(path))))


def _is_reading(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        owner = _owner(node.value)
        return owner in _ROWS or (node.attr == "text" and owner in _WORDS)
    if isinstance(node, ast.Subscript):
        return not isinstance(node.slice, ast.Constant) and _owner(node.value) in _WORDS | _ROWS
    is_select = isinstance(node, ast.Call) and ast.unparse(node.func) == "select"
    return is_select and bool({_owner(each) for each in node.args} & (_WORDS | _ROWS))


def _owner(node: ast.expr) -> str:
    name = ast.unparse(node).removeprefix("tables.").removesuffix(".c")
    return _ALIASES.get(name, name)


def test_who_reads_customers_words_asks_the_gate_or_only_computes() -> None:
    readers = {
        name
        for name, path in MODULES.items()
        if name.startswith("pipelines.") and "versions" not in name and _reads_words(path)
    }
    asking = {name for name in readers if GATE in imports_of(MODULES[name])}
    assert readers - asking == COMPUTES
    assert asking >= {
        *("pipelines.overview", "pipelines.noise_rows", "pipelines.report.theme_facts"),
        *("pipelines.edits.codebook_edits", "pipelines.themes.pool", "pipelines.themes.why"),
        *("pipelines.report.decisions", "pipelines.publish", "pipelines.profiles"),
        "pipelines.asking.answers",
    }


# Of servers alone; a line before them takes SQLite.
SERVER_ENGINES = {
    *("pipelines/database.py", "pipelines/syncs/sql.py", "pipelines/inlets/urls.py"),
    *("tests/engines.py", "tests/shared_statements.py", "tests/pipelines/store_copies.py"),
    "scripts/bench_store.py",
}


def test_a_process_has_one_sqlite_library() -> None:
    # Another one in the same process knows nothing of the connections that the first holds, takes
    # itself for the last at a file, and takes away the log that they write to.
    found = []
    for path in (
        path for top in (*PACKAGES, "tests", "scripts") for path in (ROOT / top).rglob("*.py")
    ):
        name = path.relative_to(ROOT).as_posix()
        if "sqlite3" in imports_of(path) and name != "pipelines/database.py":
            found.append(f"{name} imports sqlite3")
        calls = (node for node in ast.walk(parse(path)) if isinstance(node, ast.Call))
        made = [call for call in calls if getattr(call.func, "id", "") == "create_engine"]
        plain = [call for call in made if all(each.arg != "module" for each in call.keywords)]
        if plain and name not in SERVER_ENGINES:
            found.append(f"{name} calls create_engine; take connect_engine or tests.engines")
    assert found == []
