"""A program of its own for what the number of threads must not change."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def run_on_threads(program: str, n_threads: int) -> str:
    """What a Python program prints when the libraries may use so many threads."""
    n = str(n_threads)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"OMP_NUM_THREADS": n, "OPENBLAS_NUM_THREADS": n, "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    return done.stdout
