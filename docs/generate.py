"""Write docs/reference from the code: ``python docs/generate.py --write``.

Names, annotations and the text under a field are read from the source, so a page is the
same on every Python. Without ``--write`` the script says which pages differ,
and ends with 1 if there are any; a test does the same.
"""

import ast
import re
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import NamedTuple

import machines
import simulated

from cckit.core import commands as commands_
from cckit.core import facts
from cckit.core.instant import SECOND
from cckit.core.render.html import formula
from cckit.core.reports.catalogue import OTHERS
from cckit.core.reports.definitions import DEFAULT, SERVICE_LEVELS

ROOT = Path(__file__).parents[1]
REFERENCE = Path(__file__).with_name("reference")
SETTINGS = ROOT / "cckit" / "core" / "settings.py"
NOTE = "<!-- Written by docs/generate.py from {source}. Do not edit: nox -s docs -->\n"


class Field(NamedTuple):
    name: str
    type: str
    default: str
    text: str


class Class(NamedTuple):
    name: str
    decorators: tuple[str, ...]
    text: str
    fields: tuple[Field, ...]
    section: str
    """What its module begins with, or the last comment ``# --- section ---`` above it."""


def flat(text: str | None) -> str:
    """A docstring as one line of Markdown."""
    words = " ".join((text or "").split())
    return re.sub(r"``(.+?)``", r"`\1`", words).replace("|", "\\|")


def block(match: re.Match[str]) -> str:
    """An indented block after ``::`` as a fenced one."""
    before = f"{match.group(1)}:\n\n" if match.group(1) else ""
    return f"{before}```text\n{dedent(match.group(2)).strip()}\n```\n\n"


def paragraphs(text: str | None) -> str:
    """A docstring as Markdown: reST's code marks and field lists become plain."""
    out = re.sub(r"``(.+?)``", r"`\1`", text or "")
    out = re.sub(r"^(.*?)::\n\n((?:    .*\n|\n)+)", block, out + "\n", flags=re.MULTILINE).rstrip()
    out = re.sub(r"^\.\. versionadded:: *(\S+)", r"*Since \1.*", out, flags=re.MULTILINE)
    return re.sub(r"^:raises (\w+): ", r"Raises `\1`: ", out, flags=re.MULTILINE)


def default_of(node: ast.expr | None) -> str:
    if node is None:
        return ""
    text = ast.unparse(node)
    factory = re.search(r"factory=(?:lambda: )?(.+)\)$", text)
    if factory:
        inner = factory.group(1)
        return {"dict": "{}", "list": "[]", "tuple": "()"}.get(inner, inner)
    return text


def fields_of(node: ast.ClassDef) -> Iterator[Field]:
    body = node.body
    for at, part in enumerate(body):
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            after = body[at + 1] if at + 1 < len(body) else None
            text = ""
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                text = str(after.value.value)
            yield Field(part.target.id, ast.unparse(part.annotation), default_of(part.value), text)


def classes(path: Path) -> list[Class]:
    """The classes of a module in the order of its text."""
    source = path.read_text("utf-8")
    tree = ast.parse(source)
    first = (ast.get_docstring(tree) or "").partition("\n")[0].rstrip(".")
    headings = [
        (number, match.group(1))
        for number, line in enumerate(source.splitlines(), 1)
        if (match := re.match(r"# -{3,} (.+?) -+$", line))
    ]
    return [
        Class(
            node.name,
            tuple(ast.unparse(d) for d in node.decorator_list),
            ast.get_docstring(node) or "",
            tuple(fields_of(node)),
            next((text for line, text in reversed(headings) if line < node.lineno), first),
        )
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    ]


def files(package: ModuleType) -> list[Path]:
    """The modules that a package takes its names from, in that order."""
    root = Path(str(package.__file__))
    body = ast.parse(root.read_text("utf-8")).body
    named = [node.module for node in body if isinstance(node, ast.ImportFrom) and node.level]
    return [root.with_name(f"{name}.py") for name in named]


def table(fields: tuple[Field, ...], defaults: bool = True) -> str:
    if not fields:
        return "No fields.\n"
    head = ["field", "type", *(["default"] if defaults else []), "meaning"]
    rows = [
        [
            f"`{f.name.rstrip('_')}`",
            f"`{f.type}`".replace("|", "\\|"),
            *([f"`{f.default}`" if f.default else ""] if defaults else []),
            flat(f.text),
        ]
        for f in fields
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def events() -> str:
    out = [
        NOTE.format(source="cckit/core/facts"),
        "# Events\n",
        "Every fact that cckit itself writes, by its stored name and version. Names and fields "
        "are for ever: a changed event is a new version. A type `Personal[…]` is sealed under "
        "its subject's key before it is stored. `Instant` is microseconds since the epoch "
        "(UTC), `Span` is microseconds; `X | None` may be null. How an event lies in the log is "
        "told in [One log, one writer](../explanation/one-log-one-writer.md).\n",
    ]
    section = None
    for cls in chain.from_iterable(map(classes, files(facts))):
        stored = next((d for d in cls.decorators if d.startswith("event(")), None)
        if stored is None:
            continue
        name, version = re.findall(r"'([\w.]+)'|version=(\d+)", stored)
        if cls.section != section:
            section = cls.section
            out.append(f"## {flat(section[0].upper() + section[1:])}\n")
        out.append(f"### `{name[0]}` {version[1]}\n")
        if cls.text:
            out.append(paragraphs(cls.text) + "\n")
        out.append(table(cls.fields))
    return "\n".join(out)


def commands() -> str:
    out = [
        NOTE.format(source="cckit/core/commands"),
        "# Commands\n",
        "What can be asked of a center with `await center.do(command)`, and what an adapter "
        "reports to it. A request may be refused. A *report* (`Report…`) says what happened "
        "outside: if it comes too late it is recorded as superseded.\n",
    ]
    section = None
    for cls in chain.from_iterable(map(classes, files(commands_))):
        if cls.section != section:
            section = cls.section
            out.append(f"## {flat(section[0].upper() + section[1:])}\n")
        out.append(f"### `{cls.name}`\n")
        if cls.text:
            out.append(paragraphs(cls.text) + "\n")
        out.append(table(cls.fields))
    return "\n".join(out)


def hooks() -> str:
    out = [
        NOTE.format(source="cckit/hooks/register.py, policy.py and factory.py"),
        "# Hooks\n",
        "The doors of a center. A plugin subclasses the classes below and marks the methods it "
        "fills with `@hookimpl`; all are synchronous. `open` and `closed` say what follows when "
        "a plugin raises: behind an open door the center goes on as if nobody had answered, "
        "behind a closed one the answer is no. [Write a plugin](../how-to/write-a-plugin.md) "
        "shows one whole.\n",
    ]
    for name in ("register", "policy", "factory"):
        tree = ast.parse((ROOT / "cckit" / "hooks" / f"{name}.py").read_text("utf-8"))
        out.append(f"## {name.capitalize()}\n")
        out.append(paragraphs(ast.get_docstring(tree)) + "\n")
        for cls in tree.body:
            for hook in cls.body if isinstance(cls, ast.ClassDef) else ():
                if isinstance(hook, ast.FunctionDef) and hook.name.startswith("cckit_"):
                    out.append(f"### `{hook.name}`\n")
                    takes = ast.unparse(hook.args).removeprefix("self").removeprefix(", ")
                    gives = ast.unparse(hook.returns) if hook.returns else "None"
                    out.append(f"`({takes}) -> {gives}`\n")
                    out.append(paragraphs(ast.get_docstring(hook)) + "\n")
    return "\n".join(out)


def settings() -> str:
    config = ROOT / "cckit" / "shell" / "config.py"
    core = ROOT / "cckit" / "core"
    paths = (SETTINGS, core / "channel.py", core / "certificate.py", config)
    found = {cls.name: cls for path in paths for cls in classes(path)}
    center = tuple(f for f in found["Config"].fields if f.name in ("name", "zone", "plugins"))
    head = paragraphs(ast.get_docstring(ast.parse(config.read_text("utf-8"))))

    def fields(cls: str) -> tuple[Field, ...]:
        return tuple(
            f._replace(
                name=f.name.removesuffix("_us"),
                type="length of time" if f.name.endswith("_us") else f.type,
                default=length(f.default) if f.name.endswith("_us") else f.default,
            )
            for f in found[cls].fields
        )

    return "\n".join(
        [
            NOTE.format(source="cckit/shell/config.py and cckit/core/settings.py"),
            "# CENTER.toml\n",
            head.replace("```text", "```toml") + "\n",
            "What is configured is also an event: `config.applied`, one for each queue, one for "
            "the center and one for each plugin. The last one of its kind and id holds.\n",
            "## `[center]`\n",
            table(center),
            "## `[queues.NAME]`\n",
            table(fields("QueueSettings")),
            "## `[agents.NAME]`\n",
            table(found["AgentSettings"].fields),
            "## `[channels.NAME]`\n",
            table(fields("ChannelSettings")),
            "## `[skills.NAME]`\n",
            table(fields("SkillSettings")),
            "## `[offers]`\n",
            table(fields("OfferSettings")),
            "## `[PLUGIN]`\n",
            "A table with the name of a loaded plugin goes to that plugin; its README says what "
            "may stand there.\n",
        ]
    )


def length(default: str) -> str:
    """``20 * SECOND`` as a text of CENTER.toml."""
    return default.replace(" * SECOND", "s").replace(" * MINUTE", "m")


OWN = """Your own metrics stand in a TOML file, each in a table `[[definition]]`. Thresholds are
microseconds; `num` and `den` name counts with the weight that each is added with:

```toml
# own.toml
[[definition]]
id = "sl.mine@1"
title = "Answered within a minute, of answered and abandoned"
T = 60000000
num = { A_T = 1 }
den = { A = 1, B = 1 }
```

`cckit report LOG service-level --definition own.toml` prints it; several tables are several
metrics.
"""
REPORTS = (
    "service_level",
    "queue_intervals",
    "agent_summary",
    "contacts",
    "audit",
    "access",
    "estimates",
    "modes",
)


def reports() -> str:
    folder = ROOT / "cckit" / "core" / "reports"
    out = [
        NOTE.format(source="cckit/core/reports"),
        "# Reports and definitions\n",
        "A report is a pure function of a log, of definitions and of the rules of a zone. "
        "`cckit report LOG NAME` prints one; what stands in its header and its cells is told in "
        "[JSON shapes](json.md). Why there are many service levels: "
        "[Numbers and dialects](../explanation/numbers-and-dialects.md).\n",
    ]
    for name in REPORTS:
        tree = ast.parse((folder / f"{name}.py").read_text("utf-8"))
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "table"]
        rows = flat(ast.get_docstring(functions[0])) if functions else ""
        out.append(f"## {name.replace('_', '-')}\n")
        out.append(paragraphs(ast.get_docstring(tree)) + "\n")
        if rows:
            out.append(f"Rows: {rows[0].lower()}{rows[1:]}\n")
    out += [
        "## Definitions\n",
        "A answered, B abandoned, F flowed out, D dequeued, E ended by an error; O is their sum, "
        "N never entered a queue. `_T` are those that waited at most T, `_s` those that waited "
        "less than s; `wait_` is the sum of their waits. Of segments, talk, hold and wrap-up are "
        "times and handled counts conversations; of intervals, a state is the time spent in it. "
        "The hash is the SHA-256 of the definition's canonical bytes; every report "
        "names it.\n",
        "| id | title | formula | T | s | dated by | hash |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for d in (*SERVICE_LEVELS, *OTHERS):
        cells = (
            f"`{d.id}`{' (default)' if d.id == DEFAULT else ''}",
            d.title,
            formula(d),
            f"{d.T // SECOND} s" if d.T else "",
            f"{d.s // SECOND} s" if d.s else "",
            d.rule,
            f"`{d.hash[:16]}…`",
        )
        out.append("| " + " | ".join(cells) + " |")
    out.append("\n### The keys of a definition\n")
    out.append(OWN)
    found = {cls.name: cls for cls in classes(folder / "definitions.py")}
    out.append(table(found["Definition"].fields))
    return "\n".join(out)


def cli() -> str:
    app = ast.parse((ROOT / "cckit" / "cli" / "app.py").read_text("utf-8"))
    constants = {
        node.target.id: ast.literal_eval(node.value)
        for node in app.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id in ("COMMANDS", "GROUPS", "HELP")
        and node.value
    }
    out = [
        NOTE.format(source="cckit/cli"),
        "# The command `cckit`\n",
        constants["HELP"] + "\n",
        "Needs `pip install 'cckit-sdk[cli]'`. What `--json` prints stands in "
        "[JSON shapes](json.md).\n",
        command("import_", "calls", "import calls"),
        command("import_frames", "frames", "import frames"),
    ]
    words = [name for name, _ in constants["COMMANDS"]]
    out += [command(word.replace("-", "_"), word.replace("-", "_"), word) for word in words]
    for group, _, members in constants["GROUPS"]:
        out += [command(group, word, f"{group} {word}") for word, _ in members]
    return "\n".join(out)


def command(file: str, function: str, words: str) -> str:
    """One command from its function: docstring, arguments, options."""
    tree = ast.parse((ROOT / "cckit" / "cli" / f"{file}.py").read_text("utf-8"))
    node = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function)
    text = ast.get_docstring(node) or ""
    told = dict(re.findall(r"^:param (\w+): ((?:.|\n(?!:))+)", text, re.MULTILINE))
    about = text.partition("\n:param")[0].strip()
    positional = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    given = [None] * (len(positional) - len(node.args.defaults)) + list(node.args.defaults)
    rows = [
        (arg.upper(), shown(default), told.get(arg, ""))
        for arg, default in zip(positional, given, strict=True)
    ]
    for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        named = re.search(r"name='(--[\w-]+)'", ast.unparse(arg.annotation or arg))
        option = named.group(1) if named else "--" + arg.arg.strip("_").replace("_", "-")
        if isinstance(default, ast.Constant) and default.value is True:
            option += f"`, `--no-{option[2:]}"
        rows.append((option, shown(default), told.get(arg.arg, "")))
    lines = ["| argument | default | meaning |", "| --- | --- | --- |"]
    lines += [f"| `{n}` | {f'`{d}`' if d else ''} | {flat(t)} |" for n, d, t in rows]
    return f"## `cckit {words}`\n\n{paragraphs(about)}\n\n" + "\n".join(lines) + "\n"


def shown(default: ast.expr | None) -> str:
    """A default as one would type it; none for flags and for what may be left out."""
    text = default_of(default)
    if text in ("None", "()", "True", "False"):
        return ""
    return re.sub(r"^Path\((.+)\)$", r"\1", text).strip("'")


def pages() -> dict[str, str]:
    """Name of each generated page to its text."""
    return {
        "cli.md": cli(),
        "events.md": events(),
        "commands.md": commands(),
        "hooks.md": hooks(),
        "machines.md": machines.machines_page(),
        "reports.md": reports(),
        "settings.md": settings(),
        "staffing.md": simulated.staffing_page(),
        "traffic.md": simulated.traffic_page(),
    }


def main(arguments: list[str]) -> int:
    differing = []
    for name, text in pages().items():
        target = REFERENCE / name
        if target.is_file() and target.read_text("utf-8") == text:
            continue
        differing.append(name)
        if "--write" in arguments:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, "utf-8")
    for name in differing:
        print(f"docs/reference/{name}: {'written' if '--write' in arguments else 'differs'}")
    return 1 if differing and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
