"""A run on a cluster of machines: files are read and understood there, in shards, by Ray."""
