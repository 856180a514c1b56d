"""The reference of TRAFFIC and STAFFING: what may stand there is read from what reads it.

Kinds, bounds and defaults are taken from the calls ``table.whole("priority", -1000, 1000, 0)``
in the code; only the meaning is written here, and a key without one is an error.
"""

import ast
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any, Final, NamedTuple

from cckit.core.instant import SECOND
from cckit.core.routing import MAX_TIER, NAMES, STRATEGIES
from cckit.core.rules.queue_settings import BOUNDS
from cckit.core.settings import QueueSettings
from cckit.testing import staffing, tables, traffic

NOTE: Final = "<!-- Written by docs/generate.py from {source}. Do not edit: nox -s docs -->\n"
ORDER: Final = {
    "text": ("default",),
    "whole": ("low", "high", "default"),
    "number": ("high", "default", "low"),
    "seconds": ("default", "low"),
    "lengths": ("default",),
    "requirement": ("default",),
}
"""The arguments after the key, in the order of ``tables.Table``."""
KINDS: Final = {
    "civil": "date and time without an offset",
    "clock": 'time of day, `"08:30"`',
    "lengths": "distribution",
    "levels": "table of skill to level, 1 to 5",
    "need": "list",
    "requirement": 'need, `"he >= 2 and billing >= 1"`',
    "tables": "list of tables, at least one",
    "text": "text, 1 to 200 characters",
    "texts": "list of texts",
}
DISTRIBUTIONS: Final = """## Distributions

A length of time is drawn from `{ kind = "…", … }`; all numbers are seconds, from 0 to {longest:,}.

| kind | keys |
| --- | --- |
{rows}
"""


class Meaning(NamedTuple):
    """What the code can't say."""

    text: str
    default: str | None = None
    kind: str | None = None


TRAFFIC: Final[dict[str, dict[str, Meaning]]] = {
    "TOP": {
        "start": Meaning("the first instant, civil time of the zone"),
        "zone": Meaning("the zone of all its times"),
        "hours": Meaning("customers arrive this long"),
        "arrivals": Meaning("the processes, below"),
        "patience": Meaning("of all arrivals that say nothing else", "`endless`"),
        "handling": Meaning("of all arrivals that say nothing else", "none"),
        "wrapup": Meaning("of all arrivals that say nothing else", "`endless`"),
        "flow": Meaning("of all arrivals that say nothing else", "0 s"),
    },
    "ARRIVALS": {
        "queue": Meaning("where they wait"),
        "per_hour": Meaning("customers an hour; this or `rates`", "none"),
        "rates": Meaning(
            "from when on how many an hour; the last holds over midnight",
            "none",
            'list of `["08:00", 60]`, times rising',
        ),
        "patience": Meaning("how long they wait; `endless` never gives up", "the file's"),
        "handling": Meaning("how long the talk takes; has to be here or above", "the file's"),
        "wrapup": Meaning(
            "what the agent needs after it; `endless`: the queue ends it", "the file's"
        ),
        "wrapup_permille": Meaning("the part of `handling` that is wrap-up, in thousandths"),
        "flow": Meaning("from arriving to the queue", "the file's"),
        "need": Meaning("the skills they need", "none"),
        "priority": Meaning("each step is worth the `head_start_s` of the queue in waiting"),
        "lane": Meaning("the higher lane goes first, whatever the priority"),
        "entry_point": Meaning("where they come from: a number, an address", "none"),
        "callback": Meaning(
            "so many of who is expected to wait for more than `over_s` hang up and are called; "
            "the queue needs an `estimator`",
            "none",
            "table of `over_s`, `permille`, `answer_permille` (800), `first` (agent or customer), "
            "`answer` (distribution)",
        ),
        "channel": Meaning("how they come: voice, chat …"),
    },
}
STAFFING: Final[dict[str, dict[str, Meaning]]] = {
    "TOP": {
        "zone": Meaning("of the shifts' times, where the traffic is a log", "the traffic's"),
        "queue": Meaning("the queues, below; one that is not here has all defaults", "none"),
        "shift": Meaning("the shifts, below"),
    },
    "QUEUE": {
        "id": Meaning("its name"),
        "strategy": Meaning(
            "who is offered a contact",
            kind="one of " + ", ".join(f"`{s}`" for s in NAMES),
        ),
        "need": Meaning("the skills that an agent needs", "none"),
        "ring_s": Meaning("an offer rings this long"),
        "connect_s": Meaning("connecting may take this long"),
        "wrapup_s": Meaning("wrap-up ends after this long"),
        "rona_after": Meaning("offers not answered in a row, until the agent is not ready"),
        "rona_back_s": Meaning("who was set so is ready again after it; 0: somebody must say so"),
        "rona_returns": Meaning("how often that happens without an answered offer between"),
        "max_wait_s": Meaning("who waited this long leaves the queue; 0: nobody does"),
        "head_start_s": Meaning("what one step of priority is worth in waiting"),
        "steps": Meaning(
            "what a wait needs one after the other, in place of `need`",
            kind="list of tables `[[queue.steps]]`",
        ),
        "weight": Meaning(
            "how much a waited second counts against one of other queues",
        ),
        "sticky_s": Meaning("a wait is kept so long for whom the customer talked to last"),
        "prefer_s": Meaning("a wait is kept so long for agents that are preferred"),
        "capacity": Meaning("how many may wait; 0: any number"),
        "full": Meaning(
            "what becomes of one more",
            kind="`overflow QUEUE`, `deflect`, `blocked` or `callback_only`",
        ),
        "estimator": Meaning("how the expected wait is computed", kind="`les` or `ql`"),
        "expected_max_s": Meaning("how long it may be for one more to enter; 0: any time"),
        "too_long": Meaning(
            "what becomes of them if it is longer",
            kind="`overflow QUEUE`, `deflect`, `blocked` or `callback_only`",
        ),
        "join_empty": Meaning(
            "what becomes of who comes while nobody signed in could serve them",
            kind="`accept`, `overflow QUEUE`, `deflect` or `blocked`",
        ),
        "leave_empty": Meaning(
            "what becomes of who waits while nobody signed in could",
            kind="`accept`, `overflow QUEUE`, `deflect` or `blocked`",
        ),
        "callback_tries": Meaning("how often somebody whose place is kept is called"),
        "callback_pause_s": Meaning("after the first call in vain; it doubles with each one"),
        "callback_ring_s": Meaning("how long their phone may ring"),
        "resume_s": Meaning("who gave up and comes again within it waits on; 0: nobody does"),
        "then": Meaning(
            "for `ordered`, `parallel` and `progressive`: what orders the agents",
            kind="one of " + ", ".join(f"`{s}`" for s in STRATEGIES),
        ),
        "tiers": Meaning(
            "for the same three: who is asked first; who has none, last",
            "none",
            f"table of agent to tier, 0 to {MAX_TIER}",
        ),
        "at_once": Meaning("for `parallel`: how many ring at once; 0: all"),
        "add_s": Meaning("for `progressive`: after how long one more rings"),
    },
    "SHIFT": {
        "agents": Meaning("how many work alike"),
        "from": Meaning("when they come, every day; with `to`", "all the time"),
        "to": Meaning("when they leave; may lie behind midnight", "all the time"),
        "breaks": Meaning(
            "in order, within `from` and `to`", "none", 'list of `["12:00", "12:30"]`'
        ),
        "queues": Meaning("where they work", "all"),
        "skills": Meaning("of each of them", "none"),
        "answer": Meaning("from the ring to the answer; not `endless`", "0 s"),
        "connect": Meaning("from there until both hear each other; not `endless`", "0 s"),
        "unanswered": Meaning("the share of offers that ring out"),
        "back_after_s": Meaning("after one that rang out, ready again after this long"),
        "channels": Meaning(
            "what they serve, and what one contact takes of a budget of 100",
            "`{ voice = 100 }`",
            "table of channel to cost, 1 to 100",
        ),
    },
}


def traffic_page() -> str:
    return _page(traffic, "TRAFFIC", TRAFFIC, {"TOP": "the file", "ARRIVALS": "`[[arrivals]]`"})


def staffing_page() -> str:
    titles = {"TOP": "the file", "QUEUE": "`[[queue]]`", "SHIFT": "`[[shift]]`"}
    return _page(staffing, "STAFFING", STAFFING, titles)


def _page(
    module: ModuleType, name: str, meanings: dict[str, dict[str, Meaning]], titles: dict[str, str]
) -> str:
    source = Path(str(module.__file__)).read_text("utf-8")
    before, _, example = str(module.__doc__).partition("\n\n    ")
    example, _, after = ("    " + example).partition("\n\nA shift")
    out = [
        NOTE.format(source=f"cckit/testing/{name.lower()}.py"),
        f"# {name}\n",
        f"The TOML for `cckit simulate`. {before}\n",
        f"```toml\n{dedent(example).strip()}\n```\n",
        f"A shift{after.rstrip()}\n" if after else "",
        "A key that is not here is refused, and every fault names file, key and value. Names "
        "that end in `_s` are seconds. [Run a what-if simulation]"
        "(../how-to/run-a-what-if-simulation.md) uses both files.\n",
    ]
    for constant, title in titles.items():
        calls = _calls(source)
        lines = ["| key | what | default | meaning |", "| --- | --- | --- | --- |"]
        for key in getattr(module, constant, meanings[constant]):
            found = calls.get((constant, key)) or calls.get(("", key)) or _seconds()
            meaning = meanings[constant][key]
            if constant == "QUEUE" and key != "id" and meaning.default is None:
                meaning = meaning._replace(default=_own(key))
            if constant == "QUEUE" and meaning.kind is None:
                meaning = meaning._replace(kind=_bounds(key))
            lines.append(_row(module, key, found, meaning))
        out.append(f"## In {title}\n\n" + "\n".join(lines) + "\n")
    rows = "\n".join(
        f"| `{kind}` | {', '.join(f'`{key}`' for key in keys) or 'none'} |"
        for kind, keys in tables.DISTRIBUTIONS.items()
    )
    text = DISTRIBUTIONS.replace("{rows}", rows).replace("{longest:,}", f"{tables.LONGEST_S:,}")
    return "\n".join(part for part in [*out, text.rstrip() + "\n"] if part)


def _calls(source: str) -> dict[tuple[str, str], ast.Call]:
    """The calls that read a key, by the table it stands in; a variable ``top`` is the file."""
    found: dict[tuple[str, str], ast.Call] = {}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr not in {*KINDS, *ORDER} or not isinstance(node.func.value, ast.Name):
            continue
        if node.args and isinstance(node.args[0], ast.Constant):
            place = "TOP" if node.func.value.id == "top" else ""
            found[(place, str(node.args[0].value))] = node
    found |= {("", key): found.get(("", key), _lengths()) for key in traffic.DISTRIBUTED}
    for key in ("rates", "breaks", "callback", "channels"):  # Read as they are.
        found.setdefault(("", key), _lengths())
    return found


def _seconds() -> ast.Call:
    """Lengths of a queue's settings are read in a loop over their names."""
    call = ast.parse("table.seconds('')", mode="eval").body
    assert isinstance(call, ast.Call)
    return call


def _bounds(key: str) -> str | None:
    """What a number of a queue's settings may be; None if it is none."""
    setting = staffing.SETTINGS.get(key, "")
    if setting not in BOUNDS:
        return None
    low, high = BOUNDS[setting]
    if key == setting:
        return f"whole number, {low:,} to {high:,}"
    return f"seconds, {'more than 0' if low else '0'} to {high // SECOND:,}"


def _own(key: str) -> str:
    """What a queue does that does not say: its settings' own default."""
    settings = QueueSettings()
    if not key.endswith("_s"):
        value = getattr(settings, key)
        return f"`{value}`" if value or value == 0 else "none"
    return f"`{getattr(settings, key.removesuffix('s') + 'us') // SECOND}`"


def _lengths() -> ast.Call:
    """Distributions are read in a loop over their names."""
    call = ast.parse("table.lengths('')", mode="eval").body
    assert isinstance(call, ast.Call)
    return call


def _row(module: ModuleType, key: str, call: ast.Call, meaning: Meaning) -> str:
    assert isinstance(call.func, ast.Attribute)
    method = call.func.attr
    given: dict[str, Any] = {}
    named = [(w.arg or "", w.value) for w in call.keywords]
    ordered = list(zip(ORDER.get(method, ()), call.args[1:], strict=False))
    for name, value in (*ordered, *named):
        given[name] = eval(ast.unparse(value), vars(module))  # Our own source, constants only.
    default = meaning.default
    if default is None:
        default = f"`{given['default']}`" if "default" in given else "has to be there"
    return f"| `{key}` | {meaning.kind or _kind(method, given)} | {default} | {meaning.text} |"


def _kind(method: str, given: dict[str, Any]) -> str:
    if method == "whole":
        return f"whole number, {given['low']:,} to {given['high']:,}"
    if method == "number":
        return f"number, {given.get('low', 0)} to {given['high']:,}"
    if method == "seconds":
        return f"seconds, {given.get('low', 0)} to {tables.LONGEST_S:,}"
    return KINDS[method]
