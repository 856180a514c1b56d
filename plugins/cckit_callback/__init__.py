"""Callbacks: somebody who waits hangs up and is called, at their turn or when agreed."""
