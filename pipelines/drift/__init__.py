"""Whether what a run brought is like what the runs before it brought."""
