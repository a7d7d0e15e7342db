"""What texts mean: values in, values out.

Nothing here reads a user's files, talks to a database or the network, looks at the clock or the
environment, prints or logs. Heavy libraries are imported inside the functions that need them.
"""
