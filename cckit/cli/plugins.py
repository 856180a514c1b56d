"""``cckit plugins``: what is installed. Only what CENTER.toml names is ever loaded."""

from importlib.metadata import EntryPoint, entry_points

from .codes import GOOD
from .options import Json
from .output import console, print_json
from .text import plain


def plugins(*, json: Json = False) -> int:
    """List the plugins that are installed, without loading any.

    A center loads those that its CENTER.toml names under center.plugins, in that order.

    :param json: print {plugins: [{name, object, distribution, version}]}.
    """
    found = [as_json(one) for one in sorted(entry_points(group="cckit"), key=lambda e: e.name)]
    if json:
        print_json({"plugins": found})
        return GOOD
    out = console()
    if not found:
        out.print("no plugin is installed")
    for one in found:
        where = f"{one['distribution']} {one['version']}" if one["distribution"] else "unknown"
        out.print(plain(f"{one['name']:<16} {one['object']:<40} {where}"), markup=False)
    if found:
        out.print('load some: [center] plugins = ["…"] in CENTER.toml')
    return GOOD


def as_json(entry: EntryPoint) -> dict[str, str | None]:
    """One plugin in the shape that scripts rely on."""
    dist = entry.dist
    return {
        "name": entry.name,
        "object": entry.value,
        "distribution": None if dist is None else dist.name,
        "version": None if dist is None else dist.version,
    }
