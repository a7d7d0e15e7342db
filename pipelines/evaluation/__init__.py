"""How right the models and the themes are, on rows that a person has labelled."""
