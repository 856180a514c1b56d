"""The two marks that pluggy knows our doors by, typed so that a method keeps its type."""

from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

import pluggy

F = TypeVar("F", bound=Callable[..., Any])

PROJECT: Final = "cckit"

_spec: Final = pluggy.HookspecMarker(PROJECT)
_impl: Final = pluggy.HookimplMarker(PROJECT)


@overload
def hookspec(function: F) -> F: ...
@overload
def hookspec(*, firstresult: bool = False) -> Callable[[F], F]: ...
def hookspec(function: F | None = None, *, firstresult: bool = False) -> F | Callable[[F], F]:
    """Mark a method of a specification class as a door.

    .. versionadded:: 0.1
    """
    if function is None:
        return lambda f: _spec(f, firstresult=firstresult)
    return _spec(function)


def hookimpl(function: F) -> F:
    """Mark a plugin's method as what stands behind a door of the same name.

    It takes no options: order is that of the configuration, and nothing wraps a call.

    .. versionadded:: 0.1
    """
    return _impl(function)
