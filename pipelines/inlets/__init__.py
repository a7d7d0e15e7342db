"""Ways in beside files on this disk: queries, object stores, standard input.

What comes in by them becomes a file that has no name, so that every reader can read it as often as
it needs to, and nothing of it stays when the program ends or is killed.
"""
