"""Nobody sees anything personal before the log says so, and the log says who was refused."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from trio.testing import trio_test

from cckit import Actor, Config, Refused, Stored, UsageError, open_center
from cckit.core import facts as f
from cckit.core.access import Refusals
from cckit.core.ask import Verdict
from cckit.core.codec import canonical
from cckit.core.commands import Erase, LogIn, ReportArrived, SetProfile
from cckit.core.errors import StoreError
from cckit.core.events import SYSTEM, Sealed
from cckit.core.ids import AgentId
from cckit.core.instant import MINUTE
from cckit.hooks import PolicyHooks, hookimpl
from cckit.stores.memory import MemoryStore

DANA, BEN = Actor("supervisor", "dana"), Actor("supervisor", "ben")
NUMBER = "+972541234567"


class Guard(PolicyHooks):
    """Lets dana look, and nobody else; notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    @hookimpl
    def cckit_authorize(self, actor: Actor, action: str, target: str) -> Verdict:
        self.asked.append((actor.id, action, target))
        return Verdict(actor.id == "dana", "only dana looks")


class Watched(MemoryStore):
    """Notes what is durable, and can lose its disk."""

    def __init__(self) -> None:
        super().__init__("center", bytes(16))
        self.broken = False

    def append(self, frame: Any, expected: Any) -> Any:
        if self.broken:
            raise StoreError("log", "the disk is gone", "reopen the log")
        return super().append(frame, expected)


async def facts(center: Any, *kinds: type) -> list[Any]:
    return [data async for batch in center.read(types=kinds) for _, data in batch]


@trio_test
async def test_a_look_is_durable_before_it_shows_anything() -> None:
    guard = Guard()
    async with open_center(Config(), plugins={"guard": guard}) as center:
        arrived = await center.do(ReportArrived("voice", from_=NUMBER))
        created = arrived.recorded[0]
        assert type(created[1].from_) is Sealed
        opened: list[int] = []
        inner = center._access._people.opened
        center._access._people.opened = lambda r: (  # type: ignore[method-assign]
            opened.append(center.position),
            inner(r),
        )[1]
        before = center.position
        clear = await center.unmask(created, actor=DANA, purpose="a complaint", component="desk")
        assert clear.from_ == NUMBER
        assert opened == [before + 1]
        place = f"{created[0].stream}@{created[0].stream_version}"
        [granted] = await facts(center, f.AccessGranted)
        assert granted == f.AccessGranted(
            "dana", "Unmask", "desk", "contact.created", place, "a complaint"
        )
        assert guard.asked == [("dana", "Unmask", created[0].stream)]


@trio_test
async def test_a_value_is_revealed_with_its_salt_after_each_is_in_the_ledger() -> None:
    guard = Guard()
    async with open_center(Config(), plugins={"guard": guard}) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER, to="100"))).recorded[0]
        people, opened = center._access._people, []
        inner = people.salted

        def salted(*place: Any) -> Any:
            opened.append(center.position)
            return inner(*place)

        people.salted = salted  # type: ignore[method-assign]
        before = center.position
        values = [(created, "from"), (created, "to")]
        found = await center.reveal(values, actor=DANA, purpose="a complaint", component="desk")
        assert not isinstance(found, Refused)
        for one, sealed, clear in zip(
            found, (created[1].from_, created[1].to), (NUMBER, "100"), strict=True
        ):
            assert one is not None
            assert one.value == canonical(clear)
            assert sha256(one.salt + one.value).digest() == sealed.digest
        assert opened == [before + 2] * 2
        place = f"{created[0].stream}@{created[0].stream_version}"
        assert await facts(center, f.AccessGranted) == [
            f.AccessGranted(
                "dana", "Export", "desk", f"contact.created.{name}", place, "a complaint"
            )
            for name in ("from", "to")
        ]
        assert guard.asked == [("dana", "Export", created[0].stream)] * 2


@trio_test
async def test_nothing_is_revealed_where_one_is_denied_or_not_sealed() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER, to="100"))).recorded[0]
        refused = await center.reveal([(created, "from")], actor=BEN, purpose="curiosity")
        assert isinstance(refused, Refused)
        assert (refused.reason, NUMBER in repr(refused)) == ("access.refused", False)
        none = await center.reveal([(created, "from")], actor=DANA, purpose=" ")
        assert isinstance(none, Refused)
        assert none.reason == "access.no_purpose"
        for field in ("channel", "from_", "nothing"):
            with pytest.raises(UsageError, match="holds no sealed value"):
                await center.reveal([(created, "from"), (created, field)], actor=DANA, purpose="x")
        assert await facts(center, f.AccessGranted) == []


@trio_test
async def test_of_somebody_erased_nothing_is_revealed() -> None:
    async with open_center(Config()) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        await center.do(Erase(created[1].subject, "her wish"))
        early = await center.reveal([(created, "from")], actor=DANA, purpose="x")
        await center.erased(created[1].subject)
        late = await center.reveal([(created, "from")], actor=DANA, purpose="x")
        assert (early, late) == ((None,), (None,))


@trio_test
async def test_who_may_not_look_sees_nothing_and_is_in_the_log_ten_times_a_minute() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        for _ in range(25):
            refused = await center.unmask(created, actor=BEN, purpose="curiosity")
            assert isinstance(refused, Refused)
            assert refused.reason == "access.refused"
            assert NUMBER not in repr(refused)
        assert await facts(center, f.AccessGranted) == []
        refusals = await facts(center, f.AccessRefused)
        assert len(refusals) == 10
        stream = created[0].stream
        assert set(refusals) == {f.AccessRefused("ben", "Unmask", stream, "curiosity", 1)}


@trio_test
@pytest.mark.parametrize("kind", ["customer", "adapter", "timer"])
@pytest.mark.parametrize("plugins", [{}, {"guard": Guard()}])
async def test_only_people_and_the_centers_own_code_look(
    kind: str, plugins: dict[str, object]
) -> None:
    async with open_center(Config(), plugins=plugins) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        refused = await center.unmask(created, actor=Actor(kind, "dana"), purpose="an order")
        assert isinstance(refused, Refused)
        assert [one.actor for one in await facts(center, f.AccessRefused)] == ["dana"]
        assert (await center.unmask(created, actor=SYSTEM, purpose="an order")).from_ == NUMBER


@trio_test
async def test_who_may_not_search_learns_not_even_that_a_number_is_known() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        who = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0][1].subject
        answers = [
            await center.find_subject(number, actor=BEN, purpose="curiosity")
            for number in (NUMBER, "+1")
        ]
        assert answers[0] == answers[1]
        assert isinstance(answers[0], Refused)
        assert await center.find_subject(NUMBER, actor=DANA, purpose="a letter") == who
        refusals = await facts(center, f.AccessRefused)
        assert {one.object for one in refusals} == {"numbers"}


@pytest.mark.parametrize(
    "command",
    [
        ReportArrived("voice", from_=NUMBER, to=NUMBER),
        LogIn(AgentId("anna"), device=NUMBER),
        SetProfile(AgentId("anna"), name=NUMBER),
    ],
)
def test_the_repr_of_a_command_names_nobody(command: object) -> None:
    assert NUMBER not in repr(command)
    assert "…" in repr(command)


def test_whoever_makes_names_up_fills_no_log() -> None:
    refusals, told = Refusals(), []
    for n in range(500):
        told += refusals.facts(Actor("agent", f"m{n}"), "Unmask", "center", 0)
    assert len(told) == 64
    told = refusals.facts(Actor("agent", "ben"), "Unmask", "center", MINUTE)
    assert [(one.actor, one.n) for one in told] == [("ben", 1), ("…", 436)]


@trio_test
async def test_a_purpose_is_no_place_to_store_a_book() -> None:
    async with open_center(Config()) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        refused = await center.unmask(created, actor=SYSTEM, purpose="x" * 401)
        assert isinstance(refused, Refused)
        assert refused.reason == "access.long_purpose"
        assert await facts(center, f.AccessGranted) == []
        assert (await center.unmask(created, actor=SYSTEM, purpose="x" * 400)).from_ == NUMBER


@trio_test
@pytest.mark.parametrize("purpose", ["", "  "])
async def test_without_a_purpose_nobody_looks(purpose: str) -> None:
    async with open_center(Config()) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        end = center.position
        refused = await center.unmask(created, actor=SYSTEM, purpose=purpose)
        assert isinstance(refused, Refused)
        assert refused.reason == "access.no_purpose"
        assert center.position == end


@trio_test
async def test_words_that_no_event_can_hold_show_nothing() -> None:
    async with open_center(Config()) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        engine, end = center._writer.engine, center.position
        with pytest.raises(UsageError):
            await center.unmask(created, actor=SYSTEM, purpose="\udc80")
        with pytest.raises(UsageError):
            await center.unmask(created, actor=SYSTEM, purpose="x", component=5)  # type: ignore[arg-type]
        assert (center._writer.engine, center.position) == (engine, end)


@trio_test
async def test_what_is_not_sealed_needs_no_ledger() -> None:
    async with open_center(Config()) as center:
        created = (await center.do(ReportArrived("voice"))).recorded[0]
        end = center.position
        assert await center.unmask(created, actor=SYSTEM, purpose="x") == created[1]
        assert center.position == end


@trio_test
async def test_where_the_ledger_can_not_be_written_nothing_is_shown() -> None:
    store = Watched()
    async with open_center(Config(), log=store) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        store.broken = True
        with pytest.raises(StoreError):
            await center.unmask(created, actor=SYSTEM, purpose="a complaint")


@trio_test
async def test_what_lies_outside_of_the_log_is_in_the_ledger_too() -> None:
    async with open_center(Config(), plugins={"guard": Guard()}) as center:
        contact = (await center.do(ReportArrived("voice"))).contact
        for action, kind in (("Listen", "recording"), ("Replay", "log"), ("Export", "report")):
            more = {"kind": kind, "purpose": "a complaint", "component": "player"}
            reply = await center.grant(action, f"contact/{contact}", actor=DANA, **more)
            assert isinstance(reply, Stored)
            assert reply.positions[0] < center.position
            denied = await center.grant(action, f"contact/{contact}", actor=BEN, **more)
            assert isinstance(denied, Refused)
        granted = await facts(center, f.AccessGranted)
        assert [(one.action, one.kind) for one in granted] == [
            ("Listen", "recording"),
            ("Replay", "log"),
            ("Export", "report"),
        ]


def users_of(words: str) -> list[str]:
    """The files of the package in which some words stand."""
    root = Path(__file__).parents[2]
    return sorted(
        str(path.relative_to(root))
        for folder in ("cckit", "plugins", "adapters")
        for path in (root / folder).rglob("*.py")
        if words in path.read_text("utf-8")
    )


def test_nothing_else_in_the_package_opens_what_is_sealed() -> None:
    assert users_of(" Sealing(") == ["cckit/shell/people/sealing.py"]
    assert users_of(".opened(") == [
        "cckit/shell/people/access.py",  # after it is durable
        "cckit/shell/people/disclosing.py",  # by access.py
        "cckit/shell/people/sealing.py",  # for access.py
    ]


# --- the report -----------------------------------------------------------------------------


@trio_test
async def test_the_ledger_is_a_report(tmp_path: Any) -> None:
    from cckit.cli.report import make_document
    from cckit.core.render import render_csv, render_html, render_json
    from cckit.core.reports import REPORTS

    log = tmp_path / "center.db"
    async with open_center(Config(), log=log, plugins={"guard": Guard()}) as center:
        created = (await center.do(ReportArrived("voice", from_=NUMBER))).recorded[0]
        await center.unmask(created, actor=DANA, purpose="=HYPERLINK()", component="desk")
        for _ in range(12):
            await center.unmask(created, actor=BEN, purpose="curiosity")
    document = make_document(log, REPORTS["access"])
    names = [column.name for column in document.table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in document.table.rows]
    stream = created[0].stream
    assert [(row["answer"], row["actor"], row["times"]) for row in rows] == [
        ("granted", "dana", 1),
        *[("refused", "ben", 1)] * 10,
    ]
    assert (rows[0]["action"], rows[0]["object"]) == ("Unmask", f"{stream}@0")
    assert (rows[0]["component"], rows[0]["object_kind"]) == ("desk", "contact.created")
    assert (rows[1]["component"], rows[1]["purpose"]) == (None, "curiosity")
    for rendered in (render_json(document), render_csv(document), render_html(document, "he")):
        assert b"dana" in rendered
        assert NUMBER.encode() not in rendered
    assert b",'=HYPERLINK()" in render_csv(document)
