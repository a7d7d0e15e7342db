"""Simulated histories of runs for scripts/bench_drift.py and its test."""
