"""JSON and TOML: every fault by its path; events equal to what the codec stores."""

import json
from typing import Any

import pytest
from hypothesis import given, settings

from cckit.core.codec import Codec
from cckit.core.commands import COMMANDS, Enqueue, ReportArrived
from cckit.core.errors import ConfigError, Refused
from cckit.core.events import Sealed, kind_of
from cckit.core.facts import FACTS, ConfigApplied, ContactCreated
from cckit.core.ids import ContactId, LegId, QueueId
from cckit.core.interchange import event_fields, event_from, read_command, read_settings
from cckit.core.registry import Registry
from cckit.core.schema import Unknown
from cckit.core.settings import QueueSettings
from cckit.testing.strategies import events

SEALED = Sealed(bytes(range(16)), 1, b"n" * 12, b"c" * 32, b"d" * 32)


def test_a_command_is_read_by_name_and_fields() -> None:
    read = read_command("Enqueue", {"contact": "c1", "queue": "support", "priority": 2})
    assert read == Enqueue(ContactId("c1"), QueueId("support"), priority=2)
    assert read_command("ReportArrived", {"channel": "voice", "from": "+972"}) == ReportArrived(
        "voice", from_="+972"
    )


@pytest.mark.parametrize(
    ("name", "fields", "reason", "where"),
    [
        ("Enter", {}, "command.unknown", "command"),
        ("Enqueue", [], "command.wrong_type", "Enqueue"),
        ("Enqueue", {"contact": "c1"}, "command.missing_field", "Enqueue.queue"),
        (
            "Enqueue",
            {"contact": "c1", "queue": "q", "que": 1},
            "command.unknown_field",
            "Enqueue.que",
        ),
        ("Enqueue", {"contact": "c1", "queue": 5}, "command.wrong_type", "Enqueue.queue"),
        (
            "Enqueue",
            {"contact": "c1", "queue": "q", "priority": "5"},
            "command.wrong_type",
            "Enqueue.priority",
        ),
        (
            "Enqueue",
            {"contact": "c1", "queue": "q", "priority": True},
            "command.wrong_type",
            "Enqueue.priority",
        ),
        ("LogIn", {"agent": "a", "channels": "voice"}, "command.wrong_type", "LogIn.channels"),
        ("LogIn", {"agent": "a", "channels": [1]}, "command.wrong_type", "LogIn.channels"),
        ("SetProfile", {"agent": "a", "skills": []}, "command.wrong_type", "SetProfile.skills"),
        (
            "ApplyConfig",
            {"kind": "q", "id": "s", "data": "FF"},
            "command.wrong_type",
            "ApplyConfig.data",
        ),
        ("AcceptOffer", {"offer": 10**400}, "command.out_of_range", "AcceptOffer.offer"),
        ("Dequeue", {"contact": "\ud800"}, "command.not_text", "Dequeue.contact"),
    ],
)
def test_bad_input_gets_its_own_reason_and_path(
    name: str, fields: Any, reason: str, where: str
) -> None:
    refused = read_command(name, fields)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.where) == (reason, where)


def test_settings_name_file_table_and_key() -> None:
    assert read_settings(QueueSettings, {"ring_us": 5}, "CENTER.toml: queues.a") == QueueSettings(
        ring_us=5
    )
    with pytest.raises(ConfigError) as caught:
        read_settings(QueueSettings, {"ring": 5}, "CENTER.toml: queues.a")
    assert caught.value.where == "CENTER.toml: queues.a.ring"
    assert "ring_us" in caught.value.remedy
    with pytest.raises(ConfigError) as caught:
        read_settings(QueueSettings, {"agents": ["a", 5]}, "CENTER.toml: queues.a")
    assert caught.value.where == "CENTER.toml: queues.a.agents"


def test_bytes_are_hex_and_a_sealed_value_shows_only_its_subject() -> None:
    made = ContactCreated("voice", "in", LegId(1), None, SEALED, None, "main", "ref")
    assert event_fields(made) == {
        "channel": "voice",
        "direction": "in",
        "leg": 1,
        "subject": None,
        "from": {"sealed": "000102030405060708090a0b0c0d0e0f"},
        "to": None,
        "entry_point": "main",
        "ref": "ref",
    }
    config = ConfigApplied("queue", "support", b"\x00\xff", b"\x80")
    assert event_fields(config)["hash"] == "00ff"
    unknown = Unknown("thing.seen", 1, {"what": b"\xff", "whose": SEALED, "many": (1, 2)})
    assert event_fields(unknown) == {
        "what": "ff",
        "whose": {"sealed": SEALED.subject.hex()},
        "many": [1, 2],
    }


def test_a_sealed_value_can_not_be_read_from_json() -> None:
    fields = {"channels": [], "device": {"sealed": "00" * 16}}
    cls = next(c for c in FACTS if c.__name__ == "AgentLoggedIn")
    with pytest.raises(ConfigError):
        event_from(cls, fields)


CODEC = Codec(Registry(FACTS))


def opened(data: Any) -> Any:
    """The same event without its sealed values, which JSON does not carry."""
    names = [a.name for a in type(data).__attrs_attrs__]
    values = [getattr(data, name) for name in names]
    return type(data)(*(None if type(v) is Sealed else v for v in values))


@pytest.mark.parametrize("cls", FACTS, ids=lambda cls: str(cls.__name__))
def test_the_log_and_json_hold_the_same_event(cls: type) -> None:
    @settings(max_examples=20)
    @given(events(cls))
    def equal(data: Any) -> None:
        stored = CODEC.decode(*kind_of(cls)[:2], CODEC.encode(data))
        assert event_fields(stored) == event_fields(data)
        plain = opened(data)
        read: Any = event_from(cls, json.loads(json.dumps(event_fields(plain))))
        assert read == plain
        assert CODEC.encode(read) == CODEC.encode(plain)

    equal()


def test_every_command_can_be_read_from_json() -> None:
    for cls in COMMANDS:
        refused = read_command(cls.__name__, {"no such field": 1})
        assert isinstance(refused, Refused)
        assert refused.reason in ("command.unknown_field", "command.missing_field")
