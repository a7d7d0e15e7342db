"""Search by meaning: what is asked, the index of what was said, and answers that may be shown."""
