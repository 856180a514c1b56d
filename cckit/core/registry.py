"""Which event types there are, and how to read those of a log.

The classes that are loaded say what is written; the declarations in a log say what was
written. Both must agree: a class that changed without a new version is refused. What a
log declares and no class knows is read by its declaration alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from .errors import FormatError, StoreError, UsageError
from .events import EventKind, kind_of
from .facts import SchemaDeclared
from .schema import Build, Schema, Unknown, foreign_schema, schema_of
from .shapes import Field, parse_field

Lift: TypeAlias = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Stored fields of one version to stored fields of the next."""


class Upcaster(NamedTuple):
    """How to lift an event of an old version by one version.

    .. versionadded:: 0.1
    """

    name: str
    version: int
    """The old one; ``lift`` answers with the fields of ``version + 1``."""
    lift: Lift


NEW_VERSION: Final = "make it a new version with an upcaster"


class Reader(NamedTuple):
    """How to read events of one stored version."""

    kind: EventKind
    """As stored; its class is what ``build`` answers with."""
    build: Build


class Registry:
    """The event types of one log.

    :param kinds: event classes in the order of their declaration; ``schema.declared``
        is put first.
    :param upcasters: the core's ``UPCASTERS``, then those that plugins register.
    :raises UsageError: a class that is no event, a field that can't be stored, a name
        with two classes, a version with two upcasters.

    .. versionadded:: 0.1
    """

    def __init__(self, kinds: Sequence[type], upcasters: Sequence[Upcaster] = ()) -> None:
        self._own: dict[str, Schema] = {}
        self._declared: dict[tuple[str, int], Schema] = {}
        self._admitted: set[SchemaDeclared] = set()
        self._lifts: dict[tuple[str, int], Lift] = {}
        for name, version, lift in upcasters:
            if self._lifts.setdefault((name, version), lift) is not lift:
                what = f"two upcasters lift version {version}"
                raise UsageError(name, what, "register one of them")
        for cls in dict.fromkeys((SchemaDeclared, *kinds)):
            try:
                schema = schema_of(cls)
            except TypeError as error:
                remedy = "see the field types in cckit.core.events"
                raise UsageError("event classes", str(error), remedy) from error
            other = self._own.setdefault(schema.kind.name, schema)
            if other is not schema:
                what = f"{cls.__qualname__} and {other.kind.cls.__qualname__} have one name"
                raise UsageError(schema.kind.name, what, "give each event its own name")
        self.by_class = {schema.kind.cls: schema for schema in self._own.values()}

    def declarations(self) -> tuple[SchemaDeclared, ...]:
        """One for each class, in order; the first declares ``schema.declared``."""
        return tuple(_declaration(schema) for schema in self._own.values())

    def missing(self) -> tuple[SchemaDeclared, ...]:
        """The declarations that the log has not yet, to be appended at open.

        :raises StoreError: the log has a newer version of an event than its class.
        """
        for name, version in self._declared:
            own = self._own.get(name)
            if own is not None and version > own.kind.version:
                what = f"the log has version {version}, {own.kind.cls.__qualname__} is "
                raise StoreError(name, what + str(own.kind.version), "write it with a newer cckit")
        return tuple(
            _declaration(schema)
            for schema in self._own.values()
            if schema.kind[:2] not in self._declared
        )

    def admit(self, declaration: SchemaDeclared) -> None:
        """Learn what a log declares; the same declaration again changes nothing.

        :raises StoreError: the loaded class of this name and version has other fields.
        :raises FormatError: types that we don't know, or a version declared in two ways.
        """
        if declaration in self._admitted:
            return
        name, version = declaration.declared, declaration.n
        fields = tuple(map(parse_field, declaration.fields))
        own = self._own.get(name)
        if own is not None and own.kind.version == version:
            if own.fields != fields:
                what = f"{own.kind.cls.__qualname__} differs from version {version} in the log"
                raise StoreError(name, f"{what}: {_difference(own.fields, fields)}", NEW_VERSION)
            self._declared[name, version] = own
            self._admitted.add(declaration)
            return
        known = self._declared.get((name, version))
        if known is None:
            self._declared[name, version] = foreign_schema(name, version, fields)
        elif known.fields != fields:
            raise FormatError(name, f"version {version} is declared in two ways", "restore the log")
        self._admitted.add(declaration)

    def declared(self, name: str, version: int) -> Schema | None:
        """What the log declares under this name and version."""
        return self._declared.get((name, version))

    def declared_names(self) -> frozenset[str]:
        """The names of all types that the log declares."""
        return frozenset(name for name, _ in self._declared)

    def of(self, data: object) -> Schema:
        """The schema of an event that is to be written.

        :raises UsageError: its class is not registered.
        """
        schema = self.by_class.get(type(data))
        if schema is None and isinstance(data, Unknown):
            schema = self._declared.get((data.name, data.version))
        if schema is None:
            what = f"{type(data).__qualname__} is not registered"
            raise UsageError("event", what, "register its class before the log is opened")
        return schema

    def reader(self, name: str, version: int) -> Reader:
        """How to read events of a stored version, lifted to the class where there is one.

        A version that is newer than its class is read as ``Unknown``.

        :raises FormatError: neither declared nor a loaded class.
        :raises StoreError: an old version that no upcaster lifts.
        """
        own = self._own.get(name)
        if own is not None and own.kind.version == version:
            return Reader(own.kind, own.build)
        declared = self._declared.get((name, version))
        if declared is None:
            remedy = "read the log from position 0, where types are declared"
            # Of bytes that nobody has verified even the name may be no text.
            where = str(name) or "an event"
            raise FormatError(where, f"version {version} is not declared", remedy)
        if own is None or version > own.kind.version:
            return Reader(declared.kind, declared.build)
        return Reader(EventKind(name, version, own.kind.cls), self._lifted(declared, own))

    def names(self, types: Sequence[type]) -> frozenset[str]:
        """The stored names of some classes.

        :raises UsageError: a class that is no event.
        """
        try:
            return frozenset(kind_of(cls).name for cls in types)
        except TypeError as error:
            raise UsageError("types", str(error), "name event classes only") from error

    def _lifted(self, old: Schema, own: Schema) -> Build:
        name, first, last = old.kind.name, old.kind.version, own.kind.version
        lifts = [self._lifts.get((name, version)) for version in range(first, last)]
        if None in lifts:
            missing = first + lifts.index(None)
            what = f"no upcaster lifts version {missing} to {missing + 1}"
            hook = "cckit_register_upcasters of the plugin that brings the event"
            raise StoreError(name, what, f"return Upcaster({name!r}, {missing}, …) from {hook}")
        names = tuple(field.name for field in old.fields)
        wanted = tuple(field.name for field in own.fields)

        def build(values: Sequence[Any]) -> Any:
            fields: Mapping[str, Any] = dict(zip(names, values, strict=True))
            for lift in lifts:
                fields = lift(fields) if lift is not None else fields
            return own.build([fields[n] for n in wanted])

        return build


def _declaration(schema: Schema) -> SchemaDeclared:
    name, version, _ = schema.kind
    return SchemaDeclared(name, version, tuple(map(str, schema.fields)))


def _difference(ours: tuple[Field, ...], theirs: tuple[Field, ...]) -> str:
    mine = [str(f) for f in ours if f not in theirs]
    stored = [str(f) for f in theirs if f not in ours]
    if not mine and not stored:
        return "the fields stand in another order"
    here, there = ", ".join(mine) or "nothing", ", ".join(stored) or "nothing"
    return f"the class has {here} where the log has {there}"
