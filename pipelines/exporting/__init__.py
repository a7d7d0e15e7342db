"""All tables as files, as far as they may leave the store."""
