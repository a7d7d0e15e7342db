"""What scripts/bench_impact.py is made of."""
