"""Declarations, changed classes, old and newer versions."""

from collections.abc import Mapping
from typing import Any

import pytest

from cckit.core.codec import Codec
from cckit.core.errors import FormatError, StoreError, UsageError
from cckit.core.events import event
from cckit.core.facts import FACTS, SchemaDeclared
from cckit.core.registry import Registry, Upcaster
from cckit.core.schema import Unknown


@event("thing.seen", version=1)
class Seen1:
    size: int


@event("thing.seen", version=1)
class Changed:
    size: str


@event("thing.seen", version=2)
class Seen2:
    size: int
    colour: str


@event("thing.seen", version=3)
class Seen3:
    colour: str
    width: int


def paint(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**fields, "colour": "grey"}


def widen(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"colour": fields["colour"], "width": fields["size"]}


UPCASTERS = (Upcaster("thing.seen", 1, paint), Upcaster("thing.seen", 2, widen))
V1 = SchemaDeclared("thing.seen", 1, ("size:int",))
V2 = SchemaDeclared("thing.seen", 2, ("size:int", "colour:str"))


def test_the_schema_of_schemas_is_declared_first_and_each_class_once() -> None:
    declared = Registry((Seen1, *FACTS)).declarations()
    first = SchemaDeclared("schema.declared", 1, ("declared:str", "n:int", "fields:str[]"))
    assert declared[0] == first
    assert declared[1] == V1
    assert len(declared) == len(set(declared)) == len(FACTS) + 1


def test_what_the_log_declared_is_not_missing() -> None:
    registry = Registry((Seen1,))
    registry.admit(registry.declarations()[0])
    assert registry.missing() == (V1,)
    registry.admit(V1)
    registry.admit(V1)
    assert registry.missing() == ()


def test_a_class_that_changed_without_a_new_version_is_refused() -> None:
    with pytest.raises(StoreError) as caught:
        Registry((Changed,)).admit(V1)
    assert caught.value.what == (
        "Changed differs from version 1 in the log: "
        "the class has size:str where the log has size:int"
    )
    assert caught.value.remedy == "make it a new version with an upcaster"


def test_fields_in_another_order_are_another_version() -> None:
    with pytest.raises(StoreError, match="another order"):
        Registry((Seen2,)).admit(SchemaDeclared("thing.seen", 2, ("colour:str", "size:int")))


def test_an_old_version_is_lifted_step_by_step() -> None:
    registry = Registry((Seen3,), UPCASTERS)
    registry.admit(V1)
    registry.admit(V2)
    codec, old = Codec(registry), Codec(Registry((Seen1,)))
    assert codec.decode("thing.seen", 1, old.encode(Seen1(5))) == Seen3("grey", 5)
    newer = Codec(Registry((Seen2,))).encode(Seen2(6, "red"))
    assert codec.decode("thing.seen", 2, newer) == Seen3("red", 6)
    assert registry.reader("thing.seen", 1).kind == ("thing.seen", 1, Seen3)


def test_an_old_version_without_its_upcaster_is_refused() -> None:
    registry = Registry((Seen3,), UPCASTERS[:1])
    registry.admit(V1)
    with pytest.raises(StoreError, match="no upcaster lifts version 2 to 3") as caught:
        registry.reader("thing.seen", 1)
    assert caught.value.remedy == (
        "return Upcaster('thing.seen', 2, …) from "
        "cckit_register_upcasters of the plugin that brings the event"
    )


def test_one_step_has_one_upcaster() -> None:
    with pytest.raises(UsageError, match="two upcasters lift version 1"):
        Registry((Seen3,), (*UPCASTERS, Upcaster("thing.seen", 1, widen)))


def test_an_unknown_type_is_read_by_its_declaration_alone() -> None:
    data = Codec(Registry((Seen2,))).encode(Seen2(5, "red"))
    registry = Registry(())
    registry.admit(V2)
    read = Codec(registry).decode("thing.seen", 2, data)
    assert read == Unknown("thing.seen", 2, {"size": 5, "colour": "red"})
    assert Codec(registry).encode(read) == data


def test_a_newer_version_is_read_as_unknown_but_stops_a_writer() -> None:
    registry = Registry((Seen1,))
    registry.admit(V2)
    data = Codec(Registry((Seen2,))).encode(Seen2(5, "red"))
    assert isinstance(Codec(registry).decode("thing.seen", 2, data), Unknown)
    with pytest.raises(StoreError, match="the log has version 2, Seen1 is 1"):
        registry.missing()


def test_what_nobody_declared_can_not_be_read() -> None:
    with pytest.raises(FormatError, match="is not declared"):
        Registry(()).reader("thing.seen", 1)


def test_a_version_declared_in_two_ways_is_refused() -> None:
    registry = Registry(())
    registry.admit(V1)
    with pytest.raises(FormatError, match="two ways"):
        registry.admit(SchemaDeclared("thing.seen", 1, ("size:str",)))


class Plain:
    size: int


@event("thing.weighed", version=1)
class Weighed:
    weight: float


@pytest.mark.parametrize("kinds", [(Plain,), (Weighed,), (Seen1, Seen2)])
def test_a_class_that_can_not_be_an_event_type_is_refused(kinds: tuple[type, ...]) -> None:
    with pytest.raises(UsageError):
        Registry(kinds)


def test_an_event_of_no_registered_class_is_not_written() -> None:
    with pytest.raises(UsageError, match="Seen1 is not registered"):
        Codec(Registry(())).encode(Seen1(1))
