"""Themes in the store: found, given ids, kept the same from run to run, and explained."""
