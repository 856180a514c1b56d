"""The public surface as text: each exported name with its signature.

Public is what ``cckit``, ``cckit.core``, ``cckit.hooks`` and ``cckit.testing`` import as
``X as X``. The text is read from the source, not from objects, so that it is the same on
every Python. ``python tests/architecture/surface.py --write`` writes it anew.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).parents[2]
SURFACE = Path(__file__).with_name("surface.txt")
MODULES = ("cckit", "cckit.core", "cckit.hooks", "cckit.testing")


def exported(module: str) -> list[str]:
    """The names that a package passes on as ``X as X``, sorted."""
    source = (ROOT / module.replace(".", "/") / "__init__.py").read_text("utf-8")
    return sorted(
        alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    )


def parameters(function: griffe.Function) -> str:
    parts: list[str] = []
    starred = False
    for p in function.parameters:
        kind = p.kind
        if kind is griffe.ParameterKind.keyword_only and not starred:
            parts.append("*")
            starred = True
        starred = starred or kind is griffe.ParameterKind.var_positional
        stars = {
            griffe.ParameterKind.var_positional: "*",
            griffe.ParameterKind.var_keyword: "**",
        }.get(kind, "")
        text = f"{stars}{p.name}"
        if p.annotation is not None:
            text += f": {p.annotation}"
        if p.default is not None and not stars:
            text += f" = {p.default}"
        parts.append(text)
    return ", ".join(parts)


def signature(name: str, function: griffe.Function) -> str:
    before = "async def" if "async" in function.labels else "def"
    kinds = {"property", "cached", "classmethod", "staticmethod"} & set(function.labels)
    marks = "".join(f"@{kind} " for kind in sorted(kinds))
    return f"{marks}{before} {name}({parameters(function)}) -> {function.returns}"


def described(name: str, thing: griffe.Object | griffe.Alias) -> Iterator[str]:
    """The lines of one name: its own, then those of its public members."""
    target = thing.final_target if isinstance(thing, griffe.Alias) else thing
    if isinstance(target, griffe.Module):  # A module's name was given to what is in it.
        target = target.members[name]
    if isinstance(target, griffe.Function):
        yield signature(name, target)
    elif isinstance(target, griffe.Class):
        bases = ", ".join(str(b) for b in target.bases)
        decorated = "".join(f"@{d.value} " for d in target.decorators)
        yield f"{decorated}class {name}({bases})" if bases else f"{decorated}class {name}"
        for member_name, member in target.members.items():
            if member_name.startswith("_") and member_name != "__init__":
                continue
            for line in described(member_name, member):
                yield f"    {line}"
    elif isinstance(target, griffe.Attribute):
        kind = f": {target.annotation}" if target.annotation is not None else ""
        # A class-level value is the default of a constructor's argument.
        given = "class-attribute" in target.labels and kind and target.value is not None
        yield f"{name}{kind} = {target.value}" if given else f"{name}{kind}"
    else:
        raise TypeError(f"{name} is a {target.kind.value}: nothing is known of its signature")


def surface() -> str:
    package = griffe.load("cckit", search_paths=[ROOT], resolve_aliases=True)
    lines: list[str] = []
    for module in MODULES:
        inside = module.partition(".")[2]
        members = package[inside].members if inside else package.members
        lines.append(f"# {module}")
        for name in exported(module):
            lines += described(name, members[name])
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    if "--write" in sys.argv:
        SURFACE.write_text(surface(), "utf-8")
    else:
        print(surface(), end="")
