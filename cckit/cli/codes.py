"""Exit codes of every command."""

GOOD, NO, BAD_INPUT = 0, 1, 2
"""It is so; the check says no; what was asked can't be done."""
