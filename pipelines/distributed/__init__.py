"""A run with many hands: files are read and understood in shards, by processes or by Ray."""
