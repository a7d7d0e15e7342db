"""The report: one self-contained page, made from facts that are read from the tables."""
