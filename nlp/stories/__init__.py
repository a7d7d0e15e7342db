"""How a story is worded: sentences with facts in them, in the reader's language."""
