"""The commands by name. Each lies in a file of its own, imported when it is called."""

from typing import Final

from cyclopts import App, CycloptsError, Parameter

from cckit.core.errors import ConfigError

from .codes import BAD_INPUT
from .output import console

COMMANDS: Final = (
    ("demo", "A simulated morning with a live wallboard, explained, verified and reported."),
    ("simulate", "Play traffic against a staffing in virtual time; the result is a log."),
    ("staff", "Print the agents that each interval needs, and play them on the floor."),
    ("what-if", "Run a recorded day again under another policy or staffing."),
    ("report", "Print a report of a log, as JSON, CSV or HTML."),
    ("verify", "Check a log: headers, chain, positions, and with --events every event."),
    ("replay", "Rebuild every projection from zero and print a digest for each."),
    ("pin", "Write counts and digests into a log, for an audit to compare."),
    ("audit", "Rebuild a log, compare it with its pins, and list what was odd."),
    ("explain", "Tell in words why an offer was made, or what befell a contact."),
    ("hours", "Print what the calendars of a log come to, day by day."),
    ("log", "Print the events of a log, one a line; --follow goes on."),
    ("backup", "Copy a log, also while a center writes it."),
    ("redact", "Copy a log without what was sealed for people who are erased."),
    ("export", "Write a log out as lines of JSON, as CloudEvents or as frames."),
    ("views", "Look at the views beside a log, make them smaller or anew."),
    ("checkpoint", "Sign what a log holds now, and have it cosigned."),
    ("follow", "Sign a log while a center writes it, in a process of its own."),
    ("prove", "Write proofs that events are in a log."),
    ("check", "Check such proofs against a public key that you trust."),
    ("bundle", "Hand out a part of a log with the proof that it is all of that part."),
    ("verify-bundle", "Check a bundle against a public key that you trust."),
    ("witness", "Cosign checkpoints of logs, and refuse a history that changed."),
    ("restore", "Erase again whom a restored copy has brought back, and let the log open."),
    ("plugins", "List the plugins that are installed."),
    ("doctor", "Check this installation, and a log's place on disk."),
    ("bench", "Measure speed beside a rival and the raw disk."),
)
"""Name and help; the function has the name of its file, with _ for -."""

GROUPS: Final = (
    (
        "keys",
        "Make, show and exchange the keys that sign checkpoints.",
        (
            ("new", "Make a key: its private half in a file, its public half printed."),
            ("show", "Print the public halves of the keys of a file."),
            ("rotate", "Exchange a key: a new one signs beside the old one, then alone."),
        ),
    ),
    (
        "subject",
        "Tell, keep or erase what a log knows about somebody.",
        (
            ("export", "Write down everything that a log knows about somebody."),
            ("erase", "Destroy the keys of somebody: nobody can read on what they sealed."),
            ("hold", "Forbid that somebody is erased, or allow it again."),
            ("find", "Tell who has a number; that somebody asked is in the log."),
        ),
    ),
)
"""Commands of two words: the first, its help, and the second ones, functions of one file."""

HELP: Final = """The contact center as a library: every decision and number from one log.

Every command takes --json. Exit codes: 0 good, 1 the check says no, 2 bad input,
3 not proved: no key, no checkpoint, or somebody else's signature."""


def make_app() -> App:
    """The tree of commands, none of them loaded yet."""
    app = App(
        name="cckit",
        help=HELP,
        version_flags=["--version"],
        version=_version,
        default_parameter=Parameter(negative=""),
        result_action="return_value",
        help_format="plaintext",
        console=console(wrap=True),
    )
    imports = App(name="import", help="Turn records of another system into a log.")
    calls, frames = "Make a log of call records in a CSV file.", "Make a log of exported frames."
    imports.command("cckit.cli.import_:calls", name="calls", help=calls)
    imports.command("cckit.cli.import_frames:frames", name="frames", help=frames)
    app.command(imports)
    for group, about, members in GROUPS:
        inner = App(name=group, help=about)
        for name, text in members:
            inner.command(f"cckit.cli.{group}:{name}", name=name, help=text)
        app.command(inner)
    for name, text in COMMANDS:
        word = name.replace("-", "_")
        app.command(f"cckit.cli.{word}:{word}", name=name, help=text)
    return app


def _version() -> str:
    from importlib.metadata import version

    return f"cckit {version('cckit-sdk')}"


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    if "" in arguments:  # Most likely a shell's variable that is not set.
        what = "one of its arguments is empty"
        raise ConfigError("the command line", what, "give it a value, or leave it out")
    app = make_app()
    try:
        code = app(arguments, exit_on_error=False, print_error=True)
    except CycloptsError:
        return BAD_INPUT
    return code if isinstance(code, int) else 0
