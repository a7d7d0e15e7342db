"""The customer's rights: what may be done with their words; how they are given out or erased."""
