"""Copies of a store in one file: made while runs write, checked, and taken back without loss."""
