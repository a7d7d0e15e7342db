"""Judging: what is expected of each theme in each period, and what is a trend and what is not."""
