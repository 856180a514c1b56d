"""``cckit explain``: why an offer was made, or what befell a contact, in words."""

from pathlib import Path

from cckit.core.errors import ConfigError
from cckit.shell.logs.folding import center_zone
from cckit.shell.logs.stories import moment_of, story_of
from cckit.shell.zones import read_zone

from .codes import GOOD
from .logs import open_log
from .options import Json, Whole
from .output import console, print_json
from .story import moment_json, moment_lines, story_json, story_lines
from .text import plain


def explain(
    log: Path,
    /,
    *,
    contact: str | None = None,
    offer: Whole | None = None,
    json: Json = False,
) -> int:
    """Tell in words why an offer was made, or what befell a contact.

    An offer is explained twice: by the record that the decision left, and by folding the
    log up to the event before and deciding again.

    :param log: the log, NAME.db. It is only read.
    :param contact: a contact's id, or as much of it as names only one.
    :param offer: an offer's number.
    :param json: print {contact, steps: [{position, recorded_at, type, text}]}, or {offer,
        position, record, reproduced, again, agents: [{agent, verdict, reason, key, rank}],
        text}.
    """
    if contact is not None and offer is not None:
        what = "--contact and --offer are two questions"
        raise ConfigError("explain", what, "give one of them at a time")
    if contact is None and offer is None:
        what = "one of --contact ID and --offer ID is needed"
        raise ConfigError("explain", what, "find ids with: cckit log LOG --type offer.made")
    store = open_log(log)
    try:
        zone = read_zone(center_zone(store), f"{log}: its zone")
        if contact is not None:
            story = story_of(store, contact)
            if json:
                print_json(story_json(story))
            else:
                _print(story_lines(story, zone))
        elif offer is not None:
            moment = moment_of(store, offer)
            if json:
                print_json(moment_json(moment, zone))
            else:
                _print(moment_lines(moment, zone))
    finally:
        store.close()
    return GOOD


def _print(lines: list[str]) -> None:
    out = console()
    for line in lines:
        out.print(plain(line), markup=False)
