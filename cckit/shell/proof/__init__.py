"""Proof: what others need to check a log without trusting whoever keeps it.

``notary`` signs what the log holds with the keys of ``signers``; ``witness`` and
``witnessing`` are the two ends of a cosignature; ``pinning`` writes into the log what
everything has come to. ``checking``, ``proofcheck`` and ``auditing`` hold a log, its tiles
and its numbers to all that, and ``proving`` takes single events out with their proofs. Rooms
below: ``logs`` and ``people``.
"""
