"""A witness cosigns one history of each log, and nothing of it is forgotten by dying."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core import ConfigError, FormatError, PeerError, StoreError, UsageError
from cckit.core.instant import SECOND, Instant
from cckit.core.merkle import EMPTY
from cckit.core.note import Note, open_note, parse_signatures
from cckit.core.tlog import Checkpoint
from cckit.core.witness import Submission
from cckit.hooks.signing import Signer, verify
from cckit.shell.proof.witness import AT_ONCE, Answer, Witness, WitnessServer
from cckit.shell.proof.witnessing import OtherSizeError, cosign, witnessed
from cckit.stores.witness import Seen, WitnessState
from cckit.testing.faults import FailingDisk
from cckit.testing.powercut import Cut, Mark, Recorder, cuts

from .history import KEY, NOON, WITNESS, History
from .witness_victim import SIZES, cosign_all

HONEST, OTHER = History(40), History(40, "otherwise", fork=5)
SEED = 20_261_121


def noon() -> Instant:
    return Instant(NOON * SECOND)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[WitnessState]:
    made = WitnessState.open(tmp_path / "witness.db", create=True)
    yield made
    made.close()


@pytest.fixture
def witness(state: WitnessState) -> Witness:
    return Witness([WITNESS], [KEY.vkey], state, noon)


def status(answer: Answer) -> int:
    assert (answer.status == 200) is (answer.about is not None)
    return answer.status


# --- what it cosigns ------------------------------------------------------------------------


def test_a_history_that_goes_on_is_cosigned_under_its_own_note(witness: Witness) -> None:
    for old, size in ((0, 3), (3, 3), (3, 20), (20, 40)):
        answer = witness.add_checkpoint(HONEST.submission(old, size))
        (line,) = parse_signatures(answer.body)
        note = Note.parse(HONEST.note(size))
        both = Note(note.text, (*note.signatures, line)).pack()
        _, (log, cosignature) = open_note(both, [KEY.vkey, WITNESS.vkey], verify)
        assert (log.name, cosignature.name) == (KEY.name, WITNESS.name)
        assert cosignature.time == NOON and answer.about == HONEST.head(size)


def test_it_shows_what_it_cosigned_last(witness: Witness) -> None:
    known = sha256(KEY.name.encode()).hexdigest()
    assert witness.newest(known).status == 404
    answer = witness.add_checkpoint(HONEST.submission(0, 7))
    assert witness.newest(known).body == HONEST.note(7) + answer.body
    assert witness.newest("0" * 64).status == witness.newest("").status == 404


def test_a_log_may_have_two_keys_while_they_are_exchanged(state: WitnessState) -> None:
    later = Signer.generate(KEY.name, lambda size: bytes(size))
    witness = Witness([WITNESS], [KEY.vkey, later.vkey], state, noon)
    assert status(witness.add_checkpoint(HONEST.submission(0, 3))) == 200
    assert status(witness.add_checkpoint(History(40, key=later).submission(3, 9))) == 200


def test_lines_after_the_root_are_cosigned_as_they_are(witness: Witness) -> None:
    text = HONEST.head(4).text() + "an extension\n"
    answer = witness.add_checkpoint(Submission(0, (), HONEST.signed(text)).pack())
    note = Note(text, parse_signatures(answer.body)).pack()
    assert open_note(note, [WITNESS.vkey], verify)


# --- what it refuses ------------------------------------------------------------------------


def forged(size: int) -> bytes:
    note = HONEST.note(size)
    return note.replace(Note.parse(note).signatures[0].line().encode(), forged_line())


def forged_line() -> bytes:
    return KEY.sign_note("another text\n").line().encode()


def unsigned(size: int) -> bytes:
    stranger = Signer.generate(KEY.name, lambda count: bytes(count))
    return History(40, key=stranger).note(size)


def other_log(size: int) -> bytes:
    return History(40, key=Signer.generate("log.example/else", bytes)).note(size)


def body(old: int, note: bytes, hashes: Sequence[bytes] = ()) -> bytes:
    return Submission(old, tuple(hashes), note).pack()


GROWTH = HONEST.growth(10, 20)
GOOD = HONEST.submission(10, 20)
REFUSED = {
    "no request": (400, b""),
    "no old size": (400, GOOD.replace(b"old 10\n", b"")),
    "an old size of two forms": (400, GOOD.replace(b"old 10", b"old 010")),
    "a hash of another length": (400, GOOD.replace(b"=\n", b"\n", 1)),
    "no checkpoint": (400, GOOD[: GOOD.index(b"\n\n") + 2]),
    "no note": (400, GOOD.removesuffix(b"\n")),
    "64 hashes": (400, GOOD.replace(b"old 10\n", b"old 10\n" + 64 * GOOD.split(b"\n")[1] + b"\n")),
    "bytes that are no text": (400, GOOD.replace(b"old 10", b"old \xff")),
    "an old size above the new one": (400, body(21, HONEST.note(20))),
    "a forged signature": (403, body(10, forged(20), GROWTH)),
    "nobody's signature that it knows": (403, body(10, unsigned(20), GROWTH)),
    "a log that it does not witness": (404, body(10, other_log(20), GROWTH)),
    "a log rolled back": (409, HONEST.submission(0, 5)),
    "the size before last": (409, HONEST.submission(9, 20)),
    "a history told otherwise": (422, OTHER.submission(10, 20)),
    "the same size told otherwise": (422, OTHER.submission(10, 10)),
    "a hash missing": (422, body(10, HONEST.note(20), GROWTH[1:])),
    "a hash too many": (422, body(10, HONEST.note(20), (*GROWTH, EMPTY))),
    "a hash for the same size": (422, body(10, HONEST.note(10), (EMPTY,))),
}


@pytest.mark.parametrize("why", REFUSED)
def test_it_refuses_and_keeps_what_it_had(witness: Witness, state: WitnessState, why: str) -> None:
    assert status(witness.add_checkpoint(HONEST.submission(0, 10))) == 200
    before = state.latest(KEY.name)
    code, request = REFUSED[why]
    answer = witness.add_checkpoint(request)
    assert status(answer) == code, answer
    if code == 409:
        assert (answer.body, answer.kind) == (b"10\n", "text/x.tlog.size")
    assert b"\xe2\x80\x94" not in answer.body
    assert (answer.evidence != b"") is (code == 422)
    assert state.latest(KEY.name) == before
    assert status(witness.add_checkpoint(GOOD)) == 200


def test_from_nothing_no_proof_is_taken_and_nothing_has_one_root(witness: Witness) -> None:
    assert status(witness.add_checkpoint(body(0, HONEST.note(7), (EMPTY,)))) == 422
    odd = HONEST.signed(Checkpoint(KEY.name, 0, bytes(32)).text())
    assert status(witness.add_checkpoint(body(0, odd))) == 422
    assert status(witness.add_checkpoint(HONEST.submission(0, 0))) == 200
    assert status(witness.add_checkpoint(HONEST.submission(0, 7))) == 200


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_any_bytes_are_a_request_of_one_form_or_none(noise: bytes, at: int) -> None:
    for data in (noise, GOOD[:at] + noise, GOOD[:at] + noise + GOOD[at:]):
        try:
            found = Submission.parse(data)
        except FormatError:
            continue
        assert found.pack() == data


def test_a_request_that_can_not_be_is_not_written() -> None:
    for wrong in (Submission(-1, (), b"x"), Submission(1, (b"",), b"x")):
        with pytest.raises(UsageError):
            wrong.pack()


def test_of_two_histories_at_once_one_is_cosigned(witness: Witness, state: WitnessState) -> None:
    histories = [History(40, f"told by {n}") for n in range(8)]
    for size in range(1, 9):
        cosigned = [
            h
            for h, a in zip(histories, at_once(witness, histories, size), strict=True)
            if a.status == 200
        ]
        assert len(cosigned) <= 1
        seen = state.latest(KEY.name)
        assert seen is not None
        if cosigned:
            assert seen.checkpoint == cosigned[0].head(size)


def at_once(witness: Witness, histories: Sequence[History], size: int) -> list[Answer]:
    answers: list[Any] = [None] * len(histories)
    barrier = Barrier(len(histories))

    def submit(n: int) -> None:
        request = histories[n].submission(size - 1, size)
        barrier.wait()
        answers[n] = witness.add_checkpoint(request)

    threads = [Thread(target=submit, args=[n]) for n in range(len(histories))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_keys_are_for_what_they_are_made(state: WitnessState) -> None:
    for signers, logs in (([KEY], [KEY.vkey]), ([WITNESS], [WITNESS.vkey]), ([], [KEY.vkey])):
        with pytest.raises(ConfigError):
            Witness(signers, logs, state, noon)


# --- what it remembers ----------------------------------------------------------------------


def test_it_remembers_after_it_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    first = WitnessState.open(path, create=True)
    Witness([WITNESS], [KEY.vkey], first, noon).add_checkpoint(HONEST.submission(0, 10))
    seen = first.latest(KEY.name)
    first.close()
    again = WitnessState.open(path)
    assert again.latest(KEY.name) == seen and again.origins() == [KEY.name]
    witness = Witness([WITNESS], [KEY.vkey], again, noon)
    assert status(witness.add_checkpoint(OTHER.submission(10, 20))) == 422
    assert status(witness.add_checkpoint(OTHER.submission(0, 10))) == 409
    again.close()


def test_it_never_begins_anew_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "witness.db"
    with pytest.raises(ConfigError, match="would cosign anything"):
        WitnessState.open(path)
    WitnessState.open(path, create=True).close()
    with pytest.raises(ConfigError, match="is there already"):
        WitnessState.open(path, create=True)
    path.write_bytes(b"SQLite format 3\x00" + bytes(200))
    with pytest.raises(FormatError, match="no file of a witness"):
        WitnessState.open(path)


def test_a_start_that_was_cut_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "witness.db.new").write_bytes(b"half a file")
    WitnessState.open(tmp_path / "witness.db", create=True).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["witness.db"]


def test_who_is_never_first_gives_up(
    witness: Witness, state: WitnessState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "replace", lambda before, seen: False)
    answer = witness.add_checkpoint(HONEST.submission(0, 7))
    assert (answer.status, answer.about, state.latest(KEY.name)) == (503, None, None)


def test_what_another_process_kept_first_stands(state: WitnessState) -> None:
    ours = Seen(HONEST.head(5), NOON, HONEST.note(5))
    theirs = Seen(OTHER.head(6), NOON, OTHER.note(6))
    beside = WitnessState.open(state.path)
    assert beside.replace(None, theirs)
    assert not state.replace(None, ours)
    assert state.latest(KEY.name) == theirs
    beside.close()


@pytest.mark.parametrize("how", ["deleted", "replaced", "replaced at the last moment"])
def test_a_witness_whose_memory_was_taken_away_cosigns_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = tmp_path / "witness.db"
    state = WitnessState.open(path, create=True)
    witness = Witness([WITNESS], [KEY.vkey], state, noon)
    assert status(witness.add_checkpoint(HONEST.submission(0, 10))) == 200
    other = tmp_path / "other.db"
    WitnessState.open(other, create=True).close()
    if how == "deleted":
        path.unlink()
    elif how == "replaced":
        other.rename(path)
    else:
        check = state._check_place

        def late() -> None:
            """The file is exchanged between the look at it and the commit."""
            check()
            if other.exists():
                other.rename(path)

        monkeypatch.setattr(state, "_check_place", late)
    with pytest.raises(StoreError, match="was deleted or replaced while the witness ran"):
        witness.add_checkpoint(HONEST.submission(10, 20))
    with pytest.raises(StoreError, match="has failed before"):
        witness.add_checkpoint(HONEST.submission(10, 20))
    state.close()


def test_a_state_that_failed_cosigns_nothing_more(tmp_path: Path) -> None:
    disk = FailingDisk("failing-witness")
    path = tmp_path / "witness.db"
    state = WitnessState.open(path, create=True, vfs=disk.name)
    witness = Witness([WITNESS], [KEY.vkey], state, noon)
    assert status(witness.add_checkpoint(HONEST.submission(0, 10))) == 200
    disk.fail_after(0, ("sync",))
    with pytest.raises(StoreError, match="at fault"):
        witness.add_checkpoint(HONEST.submission(10, 20))
    disk.heal()
    with pytest.raises(StoreError, match="failed before"):
        witness.add_checkpoint(HONEST.submission(10, 20))
    state.close()
    disk.close()
    again = WitnessState.open(path)
    seen = again.latest(KEY.name)
    assert seen is not None and seen.checkpoint.size in (10, 20)
    again.close()


# --- it dies, or the power goes -------------------------------------------------------------


class Killed:
    """Runs a witness in processes that are killed."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "tests.proof.witness_victim"]
        self._process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, state: Path, kill_at: int, *words: str) -> tuple[list[int], int]:
        """The sizes that were cosigned, and how it ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(state, kill_at, *words, file=self._process.stdin, flush=True)
        cosigned = []
        while not (line := self._process.stdout.readline()).startswith("ended"):
            cosigned.append(int(line))
        return cosigned, int(line.split()[1])

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture
def killed(root: Path) -> Iterator[Killed]:
    processes = Killed(root)
    yield processes
    processes.close()


def known(path: Path) -> int:
    """The size that a witness knows when it is started again; 0 if it never was."""
    if not path.exists():
        return 0
    state = WitnessState.open(path)
    seen = state.latest(KEY.name)
    state.close()
    return 0 if seen is None else seen.checkpoint.size


def kill_everywhere(killed: Killed, folder: Path, *words: str) -> Iterator[bool]:
    """Kill at each moment up to the end: whether all that was cosigned is known after it."""
    for kill_at in count():
        path = folder / f"{kill_at}.db"
        cosigned, code = killed.run(path, kill_at, *words)
        size = known(path)
        yield size >= max(cosigned, default=0)
        if code == 0:
            return
        assert code == -signal.SIGKILL
        if kill_at % 4 == 0 and not words:
            more, code = killed.run(path, -1)
            assert (code, more) == (0, list(range(size + 1, max(SIZES) + 1)))


def test_a_witness_killed_at_any_moment_knows_all_it_cosigned(
    killed: Killed, tmp_path: Path, publish: Callable[[str], None]
) -> None:
    known = list(kill_everywhere(killed, tmp_path))
    assert len(known) > 3 * len(SIZES) and all(known)
    publish(f"witness, SIGKILL at each operation and answer: {len(known):,}, 0 cosigned unknown")


@pytest.mark.planted("K witness answers before it persists")
def test_a_witness_that_answers_before_it_persists_is_seen(killed: Killed, tmp_path: Path) -> None:
    assert not all(kill_everywhere(killed, tmp_path, "hasty"))


def record(folder: Path, hasty: bool) -> list[Any]:
    """What a witness did to its disk, and when it answered."""
    recorder = Recorder(folder, SEED)
    with recorder:
        state = WitnessState.open(folder / "witness.db", create=True)
        recorder.mark("made")
        cosign_all(state, hasty, lambda size: recorder.mark("cosigned", size))
        state.close()
    return recorder.recording


def promised(recording: list[Any], cut: Cut) -> int:
    """The largest size that was cosigned before the power went; -1 before there was a file."""
    marks = [one for one in recording[: cut.at] if isinstance(one, Mark)]
    return max((one.value or 0 for one in marks), default=-1)


def forgotten(recording: list[Any], folder: Path, most: int) -> tuple[int, list[Cut]]:
    """How many power cuts were tried, and those after which a cosigned size is unknown."""
    lost, number = [], 0
    for number, cut in enumerate(cuts(recording, SEED, 2, most), 1):
        place = folder / str(number)
        place.mkdir()
        for name, part in cut.image.items():
            (place / name).write_bytes(part.data())
        path, wanted = place / "witness.db", promised(recording, cut)
        if (wanted >= 0 and not path.exists()) or known(path) < wanted:
            lost.append(cut)
    return number, lost


def test_no_power_cut_makes_a_witness_forget(
    tmp_path: Path, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    (tmp_path / "run").mkdir()
    recording = record(tmp_path / "run", hasty=False)
    number, lost = forgotten(recording, tmp_path, tier(100, 3_000, 30_000))
    assert number and [cut[:3] for cut in lost] == []
    publish(f"witness, power cuts: {number:,} images, 0 cosigned unknown, seed {SEED}")


def test_a_power_cut_shows_that_a_witness_answered_too_early(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    recording = record(tmp_path / "run", hasty=True)
    assert forgotten(recording, tmp_path, 100)[1]


# --- over HTTP ------------------------------------------------------------------------------


class Served(WitnessServer):
    """A witness on a free port, in a thread."""

    def __init__(self, witness: Witness) -> None:
        self.answers: list[Answer] = []
        super().__init__(("127.0.0.1", 0), witness, self.answers.append)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.serve()
        except StoreError:
            assert self.failure is not None

    def join(self) -> None:
        self._thread.join()


@pytest.fixture
def served(witness: Witness) -> Iterator[Served]:
    server = Served(witness)
    yield server
    server.shutdown()
    server.join()


def test_a_client_gets_a_cosignature_that_it_has_checked(served: Served) -> None:
    prove = HONEST.growth
    first = witnessed(served.url, WITNESS.vkey, HONEST.note(7), lambda old: prove(old, 7))
    assert len(open_note(first, [KEY.vkey, WITNESS.vkey], verify)[1]) == 2
    # It does not know what the witness saw last, and is told.
    second = witnessed(served.url + "/", WITNESS.vkey, HONEST.note(20), lambda old: prove(old, 20))
    assert len(Note.parse(second).signatures) == 2
    assert [answer.status for answer in served.answers] == [200, 409, 200]


def test_a_client_is_told_what_the_witness_holds_against_it(served: Served) -> None:
    assert cosign(served.url, 0, (), HONEST.note(20))
    with pytest.raises(OtherSizeError, match="a tree of 20 last") as told:
        cosign(served.url, 5, HONEST.growth(5, 20), HONEST.note(20))
    assert told.value.size == 20
    with pytest.raises(PeerError, match="this log was rolled back"):
        witnessed(served.url, WITNESS.vkey, HONEST.note(7), lambda old: HONEST.growth(old, 7))
    with pytest.raises(PeerError, match="find out which is true"):
        witnessed(served.url, WITNESS.vkey, OTHER.note(30), lambda old: OTHER.growth(old, 30))
    with pytest.raises(PeerError, match="ask its operator to witness this log"):
        cosign(served.url, 0, (), other_log(3))
    with pytest.raises(PeerError, match="this log's public key"):
        cosign(served.url, 0, (), forged(3))


def test_a_cosignature_of_somebody_else_is_not_taken(served: Served) -> None:
    stranger = Signer.generate(WITNESS.name, bytes, WITNESS.algorithm)
    for key in (stranger.vkey, KEY.vkey):
        with pytest.raises(PeerError, match="holds no cosignature of"):
            witnessed(served.url, key, HONEST.note(7), lambda old: HONEST.growth(old, 7))


@pytest.mark.parametrize("url", ["", "witness", "ftp://a", "http://", "http://a?b", "http://a#b"])
def test_what_is_no_address_is_a_mistake_of_the_operator(url: str) -> None:
    with pytest.raises(ConfigError, match="no address"):
        cosign(url, 0, (), HONEST.note(7))


def test_a_witness_that_is_not_there_is_named(served: Served) -> None:
    gone = Served(served.witness)
    gone.shutdown()
    gone.join()
    with pytest.raises(PeerError, match="can't be asked"):
        cosign(gone.url, 0, (), HONEST.note(7))


def test_a_connection_is_kept_and_odd_requests_end_it(served: Served) -> None:
    link = HTTPConnection("127.0.0.1", served.server_address[1])
    for old, size in ((0, 3), (3, 9)):
        link.request("POST", "/add-checkpoint", HONEST.submission(old, size))
        answer = link.getresponse()
        assert (answer.status, bool(parse_signatures(answer.read()))) == (200, True)
    known = sha256(KEY.name.encode()).hexdigest()
    for path, code in ((f"/{known}/checkpoint", 200), (f"/{known}", 404), ("/", 404)):
        link.request("GET", path)
        answer = link.getresponse()
        assert (answer.status, answer.read() == b"") == (code, False)
    for path, headers, code in (
        ("/else", {"Content-Length": "0"}, 404),
        ("/add-checkpoint", {}, 411),
        ("/add-checkpoint", {"Content-Length": "-1"}, 411),
        ("/add-checkpoint", {"Transfer-Encoding": "chunked", "Content-Length": "0"}, 411),
        ("/add-checkpoint", {"Content-Length": "9999999"}, 413),
    ):
        link.putrequest("POST", path)
        for name, value in headers.items():
            link.putheader(name, value)
        link.endheaders()
        answer = link.getresponse()
        assert (answer.status, answer.read() == b"") == (code, False)
        link.close()


def test_no_more_clients_are_served_at_once_than_there_are_places(served: Served) -> None:
    links = [HTTPConnection("127.0.0.1", served.server_address[1]) for _ in range(AT_ONCE)]
    for link in links:
        link.request("GET", "/")
        link.getresponse().read()
    with pytest.raises(PeerError, match="can't be asked"):
        cosign(served.url, 0, (), HONEST.note(7))
    for link in links:
        link.close()


def test_a_service_whose_state_fails_ends(tmp_path: Path) -> None:
    disk = FailingDisk("failing-service")
    state = WitnessState.open(tmp_path / "witness.db", create=True, vfs=disk.name)
    served = Served(Witness([WITNESS], [KEY.vkey], state, noon))
    disk.fail_after(0)
    with pytest.raises(PeerError, match="answered 500"):
        cosign(served.url, 0, (), HONEST.note(7))
    served.join()
    assert isinstance(served.failure, StoreError)
    disk.heal()
    state.close()
    disk.close()


class Odd(Witness):
    """Says of every checkpoint that another size was cosigned last."""

    def __init__(self, *sizes: bytes) -> None:
        self._sizes = iter(sizes)

    def add_checkpoint(self, body: bytes) -> Answer:
        return Answer(409, next(self._sizes))


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((b"1\n", b"2\n", b"3\n"), "others submit checkpoints of this log too"),
        ((b"07\n",), "names no size"),
        ((b"\xff\n",), "names no size"),
    ],
)
def test_a_witness_that_makes_no_sense_is_left(sizes: tuple[bytes, ...], said: str) -> None:
    odd = Served(Odd(*sizes))
    with pytest.raises(PeerError, match=said):
        witnessed(odd.url, WITNESS.vkey, HONEST.note(7), lambda old: HONEST.growth(old, 7))
    odd.shutdown()
    odd.join()


def test_a_client_that_went_away_is_no_news_and_a_mistake_of_ours_is(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, told in ((ConnectionResetError(), False), (ValueError("ours"), True)):
        try:
            raise error
        except (OSError, ValueError):
            served.handle_error(None, ("127.0.0.1", 1))
        assert ("ours" in capsys.readouterr().err) is told


def test_where_nobody_can_listen_is_said(served: Served, witness: Witness) -> None:
    with pytest.raises(ConfigError, match="can't listen"):
        WitnessServer(("256.0.0.1", 0), witness, lambda answer: None)
