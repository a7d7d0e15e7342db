"""Delivery of actions: messages are made, sent to destinations, and their outcome is kept."""
