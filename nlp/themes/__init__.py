"""Themes: what many mentions are about; found, assigned, named and quoted."""
