"""Operational data: what events say of a customer as of a day, and the outcomes that followed."""
