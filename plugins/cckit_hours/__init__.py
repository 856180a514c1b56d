"""Hours, holidays, emergency and overload: when a queue is open, and what it does then."""
