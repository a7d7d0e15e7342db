"""How often drift alarms without reason, and how much of real drift it sees: README, Operations.

Usage: python scripts/bench_drift.py [--n 4000]   (README: --n 2000, half an hour)
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from scripts.drift_parts.worlds import SHIFTS, WORLDS, count_alarms

HISTORIES = (8, 20, 60)
ERROR_RATE = 0.01


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=4_000, help="histories for each figure")
    n = parser.parse_args().n
    print(f"False alarms, share of runs, {n:,} histories each (nominal {ERROR_RATE:.3f})\n")
    print("| runs before | " + " | ".join(world.name for world in WORLDS) + " |")
    print("|---|" + "---|" * len(WORLDS))
    for size in HISTORIES:
        rates = [
            count_alarms(world, size, {}, n, ERROR_RATE, seed)[0] / n
            for seed, world in enumerate(WORLDS)
        ]
        print(f"| {size} | " + " | ".join(f"{rate:.4f}" for rate in rates) + " |", flush=True)
    n_power = max(200, n // 10)
    print(f"\nPower where runs differ, {n_power:,} histories each\n")
    print("| measure | shift | " + " | ".join(f"{size} runs before" for size in HISTORIES) + " |")
    print("|---|---|" + "---|" * len(HISTORIES))
    for measure, shifts in SHIFTS.items():
        for shift in shifts:
            seen = [
                count_alarms(WORLDS[1], size, {measure: shift}, n_power, ERROR_RATE, 7)[1][measure]
                for size in HISTORIES
            ]
            shown = " | ".join(f"{each / n_power:.2f}" for each in seen)
            print(f"| `{measure}` | {shift:+.2f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
