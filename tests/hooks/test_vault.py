"""A sealed value opens in its own place, with its own key, unchanged; and nowhere else."""

import hashlib
from collections.abc import Callable
from hashlib import sha256

import attrs
import msgpack
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.codec import Codec, canonical
from cckit.core.errors import FormatError, UsageError
from cckit.core.events import SYSTEM, Envelope, Sealed, Stamp, kind_of
from cckit.core.facts import FACTS, AgentProfileSet, ContactClosed, ContactCreated
from cckit.core.ids import LegId, Stream, SubjectId
from cckit.core.registry import Registry
from cckit.hooks import vault as vault_module
from cckit.hooks.vault import Key, Sealing, subject_bytes

LOG_ID = bytes(range(16))
ME, YOU = bytes([1] * 16), bytes([2] * 16)
PLACE = (5, "contact.created", 1, "from")


class Held:
    """A vault of two people, whose keys can be destroyed."""

    def __init__(self) -> None:
        self.keys = {(ME, 1): bytes([3] * 32), (YOU, 1): bytes([4] * 32)}

    def key(self, subject: bytes) -> Key | None:
        numbers = [number for who, number in self.keys if who == subject]
        return Key(max(numbers), self.keys[subject, max(numbers)]) if numbers else None

    def find(self, subject: bytes, number: int) -> bytes | None:
        return self.keys.get((subject, number))


def drawer() -> Callable[[int], bytes]:
    n = 0

    def draw(size: int) -> bytes:
        nonlocal n
        n += 1
        return hashlib.shake_128(b"%d" % n).digest(size)

    return draw


def sealing(vault: Held | None = None, log_id: bytes = LOG_ID) -> Sealing:
    return Sealing(vault or Held(), log_id, drawer())


@given(st.text() | st.binary() | st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_what_is_sealed_opens(value: str | bytes | int | bool) -> None:
    one = sealing()
    assert one.open(one.seal(ME, value, *PLACE), *PLACE) == value


def test_the_bytes_are_as_written_down() -> None:
    sealed = sealing().seal(ME, "+972 54", *PLACE)
    draw = drawer()
    nonce, salt = draw(12), draw(16)
    plain = salt + msgpack.packb("+972 54")
    bound = msgpack.packb([LOG_ID, 5, "contact.created", 1, "from", ME, 1])
    secret = AESGCM(bytes([3] * 32)).encrypt(nonce, plain, bound)
    assert sealed == Sealed(ME, 1, nonce, secret, sha256(plain).digest())
    assert bound == canonical([LOG_ID, 5, "contact.created", 1, "from", ME, 1])


def test_the_same_value_never_looks_the_same() -> None:
    one = sealing()
    first, second = (one.seal(ME, "+972 54", *PLACE) for _ in range(2))
    assert first.nonce != second.nonce
    assert first.ciphertext != second.ciphertext
    assert first.digest != second.digest


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("field", ["nonce", "ciphertext", "digest"])
def test_every_flipped_bit_is_found(field: str) -> None:
    one = sealing()
    sealed = one.seal(ME, "+972 54", *PLACE)
    content = getattr(sealed, field)
    for bit in range(8 * len(content)):
        spoilt = attrs.evolve(sealed, **{field: flipped(content, bit)})
        with pytest.raises(FormatError, match="a sealed value"):
            one.open(spoilt, *PLACE)


@pytest.mark.parametrize(
    "place",
    [
        (6, "contact.created", 1, "from"),
        (5, "contact.connected", 1, "from"),
        (5, "contact.created", 2, "from"),
        (5, "contact.created", 1, "to"),
    ],
)
def test_a_sealed_value_fits_no_other_place(place: tuple[int, str, int, str]) -> None:
    one = sealing()
    with pytest.raises(FormatError, match="belongs elsewhere"):
        one.open(one.seal(ME, "+972 54", *PLACE), *place)


def test_a_sealed_value_fits_no_other_log_and_no_other_person() -> None:
    one, other = sealing(), sealing(log_id=bytes(16))
    sealed = one.seal(ME, "+972 54", *PLACE)
    with pytest.raises(FormatError):
        other.open(sealed, *PLACE)
    with pytest.raises(FormatError):
        one.open(attrs.evolve(sealed, subject=YOU), *PLACE)


def test_a_ciphertext_of_another_key_is_no_ciphertext_of_this_one() -> None:
    vault = Held()
    one = sealing(vault)
    sealed = one.seal(ME, "+972 54", *PLACE)
    vault.keys[ME, 2] = bytes([9] * 32)
    assert one.open(sealed, *PLACE) == "+972 54"
    assert one.seal(ME, "+972 54", *PLACE).key == 2
    with pytest.raises(FormatError):
        one.open(attrs.evolve(sealed, key=2), *PLACE)


def test_a_destroyed_key_erases() -> None:
    vault = Held()
    one = sealing(vault)
    sealed = one.seal(ME, "+972 54", *PLACE)
    del vault.keys[ME, 1]
    assert one.open(sealed, *PLACE) is None
    with pytest.raises(UsageError, match="nobody holds a key"):
        one.seal(ME, "+972 54", *PLACE)


def test_more_people_than_are_kept_in_memory_are_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "_CIPHERS_KEPT", 1)
    one = sealing()
    for subject in (ME, YOU, ME, YOU):
        assert one.open(one.seal(subject, "+972 54", *PLACE), *PLACE) == "+972 54"


def test_floats_are_not_sealed() -> None:
    with pytest.raises(UsageError):
        sealing().seal(ME, 1.5, *PLACE)


# --- whole events -------------------------------------------------------------------------

CREATED = ContactCreated(
    channel="voice",
    direction="in",
    leg=LegId(1),
    subject=SubjectId(ME.hex()),
    from_="+972 54",
    to=None,
    entry_point="main",
    ref="1",
)
HERE = Stream("contact/1")


def envelope(data: object) -> Envelope:
    return Envelope(Stamp(0, SYSTEM), 5, HERE, 0, kind_of(type(data)))


def test_an_event_is_sealed_opened_and_stored() -> None:
    one = sealing()
    sealed = one.sealer(lambda stream, data: None)(5, HERE, CREATED)
    assert type(sealed) is ContactCreated
    assert isinstance(sealed.from_, Sealed)
    assert sealed.from_.subject == ME
    assert sealed.to is None
    codec = Codec(Registry(FACTS))
    assert codec.decode("contact.created", 1, codec.encode(sealed)) == sealed
    assert one.opened(envelope(sealed), sealed) == CREATED


def test_the_stored_name_of_a_field_is_sealed_with_it() -> None:
    one = sealing()
    sealed = one.sealer(lambda stream, data: None)(5, HERE, CREATED)
    assert one.open(sealed.from_, 5, "contact.created", 1, "from") == "+972 54"


def test_an_event_without_a_subject_is_about_whom_the_shell_says() -> None:
    one = sealing()
    profile = AgentProfileSet(name="Noa", budget=100, channels={}, skills={})
    about: list[Stream] = []

    def subject_of(stream: Stream, data: object) -> SubjectId:
        about.append(stream)
        return SubjectId(YOU.hex())

    sealed = one.sealer(subject_of)(5, Stream("agent/7"), profile)
    assert sealed.name.subject == YOU
    assert about == ["agent/7"]
    assert one.opened(envelope(sealed), sealed) == profile


def test_a_personal_value_about_nobody_is_refused() -> None:
    profile = AgentProfileSet(name="Noa", budget=100, channels={}, skills={})
    with pytest.raises(UsageError) as refused:
        sealing().sealer(lambda stream, data: None)(5, Stream("agent/7"), profile)
    assert refused.value.where == "agent.profile_set, field name"
    assert "Noa" not in str(refused.value)


def test_what_is_not_personal_is_not_touched() -> None:
    closed = ContactClosed(reason="completed", phase="talk", by="customer")
    assert sealing().sealer(lambda stream, data: None)(5, HERE, closed) is closed
    nameless = AgentProfileSet(name=None, budget=100, channels={}, skills={})
    assert sealing().sealer(lambda stream, data: None)(5, HERE, nameless) is nameless


def test_an_erased_field_comes_out_as_none() -> None:
    vault = Held()
    one = sealing(vault)
    sealed = one.sealer(lambda stream, data: None)(5, HERE, CREATED)
    del vault.keys[ME, 1]
    assert one.opened(envelope(sealed), sealed) == attrs.evolve(CREATED, from_=None)


@pytest.mark.parametrize("text", ["", "s1", "AB" * 16, "ab" * 17, " " + "ab" * 16])
def test_a_subject_has_one_spelling(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        subject_bytes(SubjectId(text))
    assert not text or text not in str(refused.value)
