"""``cckit explain``: why an offer was made, why none was, or what befell a contact, in words."""

from pathlib import Path
from typing import Any

from cckit.core.errors import ConfigError
from cckit.shell.logs.folding import center_zone
from cckit.shell.logs.stories import moment_of, story_of, wait_of
from cckit.shell.zones import read_zone

from .codes import GOOD
from .logs import instant_of, open_log
from .options import Json, Whole
from .output import console, print_json
from .story import moment_json, moment_lines, story_json, story_lines, wait_json, wait_lines
from .text import plain


def explain(
    log: Path,
    what: str | None = None,
    /,
    *,
    contact: str | None = None,
    offer: Whole | None = None,
    at: str | None = None,
    json: Json = False,
) -> int:
    """Tell in words why an offer was made, why nobody has who waits, or what befell a contact.

    An offer is explained twice: by the record that the decision left, and by folding the
    log up to the event before and deciding again.

    :param log: the log, NAME.db. It is only read.
    :param what: an offer's number, or a contact's id.
    :param contact: a contact's id, or as much of it as names only one.
    :param offer: an offer's number.
    :param at: why nobody had the contact at this instant, civil time of the log's zone:
        2026-01-31T09:00.
    :param json: print {contact, steps: [{position, recorded_at, type, text}]}, or {offer,
        position, record, reproduced, again, agents: [{agent, verdict, reason, detail, key,
        rank}], why, text}, or {contact, at, phase, wait, text}.
    """
    if what is not None and (contact is not None or offer is not None):
        raise ConfigError("explain", f"{what} and an option are two questions", "give one of them")
    if what is not None and what.isascii() and what.isdigit() and len(what) < 20 and at is None:
        offer = int(what)
    elif what is not None:
        contact = what
    _check(contact, offer, at)
    store = open_log(log)
    try:
        zone = read_zone(center_zone(store), f"{log}: its zone")
        if contact is not None and at is not None:
            wait = wait_of(store, contact, instant_of(at, "--at", zone.info))
            _tell(wait_json(wait, zone) if json else wait_lines(wait, zone))
        elif contact is not None:
            story = story_of(store, contact)
            _tell(story_json(story) if json else story_lines(story, zone))
        elif offer is not None:
            moment = moment_of(store, offer)
            _tell(moment_json(moment, zone) if json else moment_lines(moment, zone))
    finally:
        store.close()
    return GOOD


def _check(contact: str | None, offer: int | None, at: str | None) -> None:
    if contact is not None and offer is not None:
        what = "--contact and --offer are two questions"
        raise ConfigError("explain", what, "give one of them at a time")
    if contact is None and offer is None:
        what = "one of --contact ID and --offer ID is needed"
        raise ConfigError("explain", what, "find ids with: cckit log LOG --type offer.made")
    if at is not None and offer is not None:
        raise ConfigError("--at", "an offer has its own instant", "leave it out")


def _tell(found: dict[str, Any] | list[str]) -> None:
    if isinstance(found, dict):
        print_json(found)
        return
    out = console()
    for line in found:
        out.print(plain(line), markup=False)
