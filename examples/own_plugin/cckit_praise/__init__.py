"""Customers praise agents, with one to five stars: a plugin to start yours from."""
