"""Themes: what many mentions are about, found, assigned, named and quoted. Values in, values out."""
