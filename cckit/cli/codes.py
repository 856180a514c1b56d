"""Exit codes of every command."""

GOOD, NO, BAD_INPUT, UNPROVABLE = 0, 1, 2, 3
"""It is so; the check says no; what was asked can't be done; nothing here can prove it."""
