"""Supervision: listen to a contact, whisper to its agent, barge in, take it over."""
