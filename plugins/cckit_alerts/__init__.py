"""Alerts: what a supervisor has to know at once, by rules that are data."""
