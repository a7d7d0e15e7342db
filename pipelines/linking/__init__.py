"""Linking: which customer a feedback or an event belongs to, and which records are one person."""
