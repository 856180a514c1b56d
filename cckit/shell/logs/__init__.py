"""Logs that lie on disk: read, copied, imported, redacted, restored.

``folding``, ``finding`` and ``stories`` read a log that a center may have open or not;
``moving`` and ``redacting`` make copies of it, ``importing`` makes one of call records, and
``restoring`` takes one back. ``errand`` opens a center for one command, as it was configured
last. ``appearing`` is how whatever they write is there whole or not at all. Rooms
below: ``people``.
"""
