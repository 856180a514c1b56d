"""Tools that are not ours accept our checkpoints, proofs and tiles, and refuse forgeries.

The verifier is golang.org/x/mod/sumdb, which Go itself trusts for its modules; the log is
one that the simulated world wrote to a file.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from struct import pack
from typing import NamedTuple

import attrs
import pytest

from cckit.core import merkle
from cckit.core.codec import Codec
from cckit.core.errors import CckitError
from cckit.core.facts import FACTS
from cckit.core.note import ED25519, Note, Signature, open_note
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint, Proof
from cckit.hooks.signing import Signer, verify
from cckit.stores.sqlite import SqliteStore
from cckit.stores.tiles import Tiles
from cckit.testing.simulate import simulate

SOURCE = Path(__file__).parent / "gosumdb" / "main.go"
LIBRARIES = Path("/usr/share/gocode")
PROVIDED = "go or its sumdb is absent: apt-get install golang-go golang-golang-x-mod-dev"

EVENTS = 5_000
PROOFS = 1_000
EVERY = 50
SEED = 20_261_121

TRAFFIC = """
start = 2026-03-02T08:00:00
zone = "Asia/Jerusalem"
hours = 8

[[arrivals]]
queue = "service"
per_hour = 60
patience = { kind = "exponential", mean_s = 120 }
handling = { kind = "exponential", mean_s = 150 }
"""

STAFFING = """
[[queue]]
id = "service"
wrapup_s = 10

[[shift]]
agents = 3
"""


class Case(NamedTuple):
    """One question to the Go program: see there."""

    kind: bytes
    parts: Sequence[bytes]

    def packed(self) -> bytes:
        parts = (pack(">I", len(part)) + part for part in self.parts)
        return self.kind + bytes([len(self.parts)]) + b"".join(parts)


Ask = Callable[[str, Sequence[Case]], list[str]]


class Shown(NamedTuple):
    """A log as its owner shows it: tiles, checkpoints, and the leaves that proofs are about."""

    folder: Path
    leaves: list[bytes]
    signer: Signer
    checkpoints: list[bytes]
    """Signed, oldest first: over every 50th event, and over all."""
    tiles: Tiles

    def proof(self, index: int, checkpoint: bytes) -> Proof:
        size = opened(checkpoint).size
        return Proof(index, merkle.inclusion_proof(index, size, self.tiles.read), checkpoint)

    def growth(self, older: bytes, newer: bytes) -> bytes:
        """That one continues the other: all hashes of the proof in a row."""
        sizes = opened(older).size, opened(newer).size
        return b"".join(merkle.consistency_proof(*sizes, self.tiles.read))


def opened(checkpoint: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(checkpoint).text)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("log")
    (folder / "traffic.toml").write_text(TRAFFIC, "utf-8")
    (folder / "staffing.toml").write_text(STAFFING, "utf-8")
    simulate(folder / "traffic.toml", folder / "staffing.toml", folder / "day.db", SEED)
    store = SqliteStore.open(folder / "day.db")
    tiles = Tiles.open(folder / "day.tiles", store, write=True)
    codec = Codec(Registry(FACTS))
    signer = Signer.generate(store.origin, Random(SEED).randbytes)
    leaves: list[bytes] = []
    for frame in store.read():
        leaves += codec.leaves(frame.body, frame.first)
        tiles.grow(leaves[frame.first :], frame.chain)
        tiles.save()
        tiles.save_checkpoint(signed(signer, tiles.size, tiles.root()))
    sizes = [*range(EVERY, len(leaves), EVERY), len(leaves)]
    checkpoints = [signed(signer, size, tiles.root_at(size)) for size in sizes]
    assert len(leaves) >= EVENTS
    yield Shown(folder / "day.tiles", leaves, signer, checkpoints, tiles)
    tiles.close()
    store.close()


def signed(signer: Signer, size: int, root: bytes) -> bytes:
    text = Checkpoint(signer.name, size, root).text()
    return Note(text, (signer.sign_note(text),)).pack()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    go = shutil.which("go")
    if go is None or not (LIBRARIES / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip(PROVIDED)
    program = tmp_path_factory.mktemp("go") / "verifier"
    place = {"GO111MODULE": "off", "GOPATH": str(LIBRARIES), "GOFLAGS": ""}
    subprocess.run([go, "build", "-o", program, SOURCE], check=True, env={**os.environ, **place})

    def ask(vkey: str, cases: Sequence[Case]) -> list[str]:
        packed = b"".join(case.packed() for case in cases)
        done = subprocess.run([program, vkey], input=packed, capture_output=True, check=True)
        return done.stdout.decode().splitlines()

    return ask


def test_go_accepts_every_checkpoint_and_that_each_continues_the_one_before(
    shown: Shown, ask: Ask, publish: Callable[[str], None]
) -> None:
    kept = list(shown.tiles.checkpoints())
    cases = [Case(b"c", [note]) for note in (*kept, *shown.checkpoints)]
    number = len(cases)
    newest = shown.checkpoints[-1]
    for older, newer in pairwise(shown.checkpoints):
        cases.append(Case(b"t", [older, newer, shown.growth(older, newer)]))
        cases.append(Case(b"t", [older, newest, shown.growth(older, newest)]))
    assert ask(shown.signer.vkey.text(), cases) == ["ok"] * len(cases)
    publish(f"Go sumdb, log of {len(shown.leaves):,} events: {number:,} checkpoints accepted")
    publish(f"Go sumdb, consistency proofs accepted: {len(cases) - number:,}")


def test_go_signs_to_the_same_bytes(shown: Shown, ask: Ask) -> None:
    key = shown.signer.text().encode()
    cases = [Case(b"s", [key, note]) for note in shown.checkpoints]
    assert ask(shown.signer.vkey.text(), cases) == ["ok"] * len(cases)


def test_go_makes_proofs_from_our_tiles(shown: Shown, ask: Ask) -> None:
    folder = str(shown.folder).encode()
    cases = []
    for note in shown.tiles.checkpoints():
        size = opened(note).size
        wanted = sorted({*range(0, size, 97), size - 1})
        cases.append(Case(b"f", [folder, note, b"".join(pack(">Q", at) for at in wanted)]))
    assert ask(shown.signer.vkey.text(), cases) == ["ok"] * len(cases)


def test_go_accepts_proofs_and_refuses_tampered_ones_as_we_do(
    shown: Shown, ask: Ask, publish: Callable[[str], None]
) -> None:
    random = Random(SEED)
    good: list[Claim] = []
    bad: list[Claim] = []
    for number in range(PROOFS):
        checkpoint = random.choice(shown.checkpoints)
        index = random.randrange(opened(checkpoint).size)
        claim = Claim(shown.proof(index, checkpoint), shown.leaves[index])
        good.append(claim)
        bad.append(TAMPER[number % len(TAMPER)](shown, claim, random))
        assert bad[-1] != claim, TAMPER[number % len(TAMPER)].__name__
    answers = ask(shown.signer.vkey.text(), [claim.case() for claim in good + bad])
    assert answers[:PROOFS] == ["ok"] * PROOFS
    slipped = [n for n, said in enumerate(answers[PROOFS:]) if not said.startswith("refused: ")]
    assert not slipped, {TAMPER[n % len(TAMPER)].__name__ for n in slipped}
    ours = [claim.holds(shown.signer) for claim in good + bad]
    assert ours == [True] * PROOFS + [False] * PROOFS
    publish(f"Go sumdb, proofs: {PROOFS:,} accepted, {PROOFS:,} tampered ones refused, seed {SEED}")


# --- tampering ------------------------------------------------------------------------------


class Claim(NamedTuple):
    """A proof, and the leaf that it is said to be of."""

    proof: Proof
    leaf: bytes

    def case(self) -> Case:
        return Case(b"p", [self.proof.pack(), self.leaf])

    def holds(self, signer: Signer) -> bool:
        """What we say of it."""
        try:
            proof = Proof.parse(self.proof.pack())
            note, _ = open_note(proof.checkpoint, [signer.vkey], verify)
            tree = Checkpoint.parse(note.text)
            leaf = merkle.leaf_hash(self.leaf)
            merkle.check_inclusion(leaf, proof.index, tree.size, proof.hashes, tree.root)
        except CckitError:
            return False
        return tree.origin == signer.name

    def with_hashes(self, *hashes: bytes) -> "Claim":
        return Claim(attrs.evolve(self.proof, hashes=hashes), self.leaf)

    def with_checkpoint(self, checkpoint: bytes) -> "Claim":
        return Claim(attrs.evolve(self.proof, checkpoint=checkpoint), self.leaf)


def flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def leaf_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    return claim._replace(leaf=flipped(claim.leaf, random))


def leaf_of_another(shown: Shown, claim: Claim, random: Random) -> Claim:
    return claim._replace(leaf=shown.leaves[claim.proof.index - 1])


def index_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    index = claim.proof.index
    return claim._replace(proof=attrs.evolve(claim.proof, index=index ^ 1 << random.randrange(5)))


def hash_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    hashes = list(claim.proof.hashes)
    at = random.randrange(len(hashes))
    hashes[at] = flipped(hashes[at], random)
    return claim.with_hashes(*hashes)


def hash_missing(shown: Shown, claim: Claim, random: Random) -> Claim:
    at = random.randrange(len(claim.proof.hashes))
    return claim.with_hashes(*claim.proof.hashes[:at], *claim.proof.hashes[at + 1 :])


def hash_left_over(shown: Shown, claim: Claim, random: Random) -> Claim:
    at = random.randrange(len(claim.proof.hashes) + 1)
    more = random.choice((*claim.proof.hashes, opened(claim.proof.checkpoint).root))
    return claim.with_hashes(*claim.proof.hashes[:at], more, *claim.proof.hashes[at:])


def hashes_reversed(shown: Shown, claim: Claim, random: Random) -> Claim:
    return claim.with_hashes(*claim.proof.hashes[::-1])


def node_as_leaf(shown: Shown, claim: Claim, random: Random) -> Claim:
    """The hashes of two leaves, passed off as one leaf one level above."""
    first, *rest = claim.proof.hashes
    pair = [merkle.leaf_hash(claim.leaf), first][:: -1 if claim.proof.index & 1 else 1]
    proof = Proof(claim.proof.index >> 1, tuple(rest), claim.proof.checkpoint)
    return Claim(proof, b"".join(pair))


def root_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    tree = opened(claim.proof.checkpoint)
    forged = attrs.evolve(tree, root=flipped(tree.root, random)).text()
    return claim.with_checkpoint(note_with(forged, claim).pack())


def size_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    tree = opened(claim.proof.checkpoint)
    forged = attrs.evolve(tree, size=tree.size + random.randint(1, 9)).text()
    return claim.with_checkpoint(note_with(forged, claim).pack())


def origin_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    tree = opened(claim.proof.checkpoint)
    forged = attrs.evolve(tree, origin=tree.origin + "x").text()
    return claim.with_checkpoint(note_with(forged, claim).pack())


def note_with(text: str, claim: Claim) -> Note:
    return attrs.evolve(Note.parse(claim.proof.checkpoint), text=text)


def signature_changed(shown: Shown, claim: Claim, random: Random) -> Claim:
    note = Note.parse(claim.proof.checkpoint)
    line = note.signatures[0]
    forged = attrs.evolve(line, signature=flipped(line.signature, random))
    return claim.with_checkpoint(attrs.evolve(note, signatures=(forged,)).pack())


def signed_by_a_stranger(shown: Shown, claim: Claim, random: Random) -> Claim:
    """Somebody with a key of the same name, who then has all proofs right."""
    stranger = Signer(shown.signer.name, ED25519, random.randbytes(32))
    return claim.with_checkpoint(resigned(claim, stranger.sign_note(text_of(claim))))


def signed_under_our_key_id(shown: Shown, claim: Claim, random: Random) -> Claim:
    stranger = Signer(shown.signer.name, ED25519, random.randbytes(32))
    line = Signature(shown.signer.name, shown.signer.vkey.key_id, stranger.sign(b""))
    return claim.with_checkpoint(resigned(claim, line))


def text_of(claim: Claim) -> str:
    return Note.parse(claim.proof.checkpoint).text


def resigned(claim: Claim, line: Signature) -> bytes:
    return Note(text_of(claim), (line,)).pack()


def checkpoint_of_another_size(shown: Shown, claim: Claim, random: Random) -> Claim:
    others = [note for note in shown.checkpoints if note != claim.proof.checkpoint]
    return claim.with_checkpoint(random.choice(others))


TAMPER: tuple[Callable[[Shown, Claim, Random], Claim], ...] = (
    leaf_changed,
    leaf_of_another,
    index_changed,
    hash_changed,
    hash_missing,
    hash_left_over,
    hashes_reversed,
    node_as_leaf,
    root_changed,
    size_changed,
    origin_changed,
    signature_changed,
    signed_by_a_stranger,
    signed_under_our_key_id,
    checkpoint_of_another_size,
)
