"""A witness as a service: C2SP tlog-witness over HTTP.

``POST /add-checkpoint`` cosigns what continues what was cosigned before; ``GET
/HASH/checkpoint``, HASH being SHA-256 of the log's origin, shows what was cosigned last.
What is cosigned is durable before it is signed. A state that has failed is not used again:
the service ends, and whoever starts it anew starts from what is on the disk.
"""

import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any, Final

import attrs

from cckit.core.errors import ConfigError, FormatError, StoreError
from cckit.core.instant import SECOND, Instant
from cckit.core.note import COSIGNATURE, ED25519, Note, VKey
from cckit.core.tlog import Checkpoint
from cckit.core.witness import (
    BAD_REQUEST,
    CONFLICT,
    NOT_FOUND,
    SUBMISSION_MAX,
    Accepted,
    Refusal,
    Submission,
    judge,
)
from cckit.hooks.signing import Signer, verify
from cckit.stores.witness import Seen, WitnessState

GOOD: Final = 200
LENGTH_REQUIRED, TOO_LARGE, FAILED, BUSY = 411, 413, 500, 503
AT_ONCE: Final = 64
"""Connections; one more is closed."""
POLL_S: Final = 0.1
"""How soon a service that is told to end does so."""
TIMEOUT_S: Final = 30
"""How long a client may keep us waiting."""
_TRIES: Final = 8
_PLAIN: Final = "text/plain; charset=utf-8"
_SIZE: Final = "text/x.tlog.size"

Tell = Callable[["Answer"], None]


@attrs.frozen
class Answer:
    """What a client gets."""

    status: int
    body: bytes
    kind: str = _PLAIN
    about: Checkpoint | None = None
    """The checkpoint that was cosigned."""
    evidence: bytes = b""
    """What a log's key has signed and what continues nothing: for us, not for the client."""


class Witness:
    """Cosigns for some logs, with one memory.

    .. versionadded:: 0.2
    """

    def __init__(
        self,
        signers: Sequence[Signer],
        logs: Sequence[VKey],
        state: WitnessState,
        now: Callable[[], Instant],
    ) -> None:
        """``logs``: the public keys of the logs; a key's name is its log's origin.

        :raises ConfigError: keys of the wrong kind, or none.
        """
        check_keys(signers, logs)
        self._signers = signers
        self._keys: dict[str, list[VKey]] = {}
        for key in logs:
            self._keys.setdefault(key.name, []).append(key)
        self._state = state
        self._now = now

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint, or say why not.

        :raises StoreError: the state has failed; nothing was cosigned.
        """
        try:
            asked = Submission.parse(body)
        except FormatError as error:
            return _refused(Refusal(BAD_REQUEST, f"{error.where}: {error.what}"))
        for _ in range(_TRIES):
            found = judge(asked, self._latest, self._keys, verify)
            if isinstance(found, Refusal):
                return _refused(found)
            time = self._now() // SECOND
            if self._state.replace(found.before, _seen(found, time)):
                return Answer(GOOD, self._lines(found.text, time), about=found.checkpoint)
        return Answer(BUSY, b"another process cosigns for this log\n")

    def newest(self, origin_hash: str) -> Answer:
        """The checkpoint of a log that was cosigned last, with our signatures.

        :raises StoreError: the state has failed.
        """
        for origin in self._keys:
            if sha256(origin.encode()).hexdigest() == origin_hash:
                seen = self._state.latest(origin)
                if seen is not None:
                    text = Note.parse(seen.note).text
                    return Answer(GOOD, seen.note + self._lines(text, seen.time))
        return Answer(NOT_FOUND, b"nothing was cosigned of such a log\n")

    def _latest(self, origin: str) -> Checkpoint | None:
        seen = self._state.latest(origin)
        return None if seen is None else seen.checkpoint

    def _lines(self, text: str, time: int) -> bytes:
        return "".join(signer.cosign(text, time).line() for signer in self._signers).encode()


def _seen(found: Accepted, time: int) -> Seen:
    return Seen(found.checkpoint, time, Note(found.text, found.signatures).pack())


def _refused(refusal: Refusal) -> Answer:
    if refusal.status == CONFLICT:
        return Answer(CONFLICT, f"{refusal.size}\n".encode(), _SIZE)
    body = f"{refusal.what}\n".encode("utf-8", "replace")
    return Answer(refusal.status, body, evidence=refusal.signed)


def check_keys(signers: Sequence[Signer], logs: Sequence[VKey]) -> None:
    """Refuse keys that no witness has.

    :raises ConfigError: a log's key to cosign with, a witness's for a log, or none.
    """
    for signer in signers:
        if signer.algorithm != COSIGNATURE:
            what = f"the key of {signer.name} signs logs: a witness has a key of its own"
            raise ConfigError("witness", what, "make one by `cckit keys new NAME --witness`")
    for key in logs:
        if key.algorithm != ED25519:
            what = f"the key of {key.name} is a witness's, not a log's"
            raise ConfigError("witness", what, "give the public keys of logs")
    if not signers or not logs:
        raise ConfigError("witness", "no key, or no log", "give it a key and a log's public key")


# --- HTTP -----------------------------------------------------------------------------------


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness, until ``shutdown`` or until its state fails."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], witness: Witness, tell: Tell) -> None:
        """Listen; port 0 is any free one, which ``server_address`` names.

        :raises ConfigError: nobody can listen there.
        """
        self.witness = witness
        self.tell = tell
        self.failure: StoreError | None = None
        self._places = BoundedSemaphore(AT_ONCE)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            where, what = f"{address[0]}:{address[1]}", f"can't listen there ({error.strerror})"
            raise ConfigError(where, what, "choose another --host or --port") from error

    def serve(self) -> None:
        """Answer until the end.

        :raises StoreError: the state has failed.
        """
        try:
            self.serve_forever(poll_interval=POLL_S)
        finally:
            self.server_close()
        if self.failure is not None:
            raise self.failure

    def fail(self, failure: StoreError) -> None:
        """End the service from one of its threads."""
        self.failure = self.failure or failure
        Thread(target=self.shutdown, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """One thread a connection, and no more than there are places."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, then free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away or kept us waiting is no news; all else is."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "cckit-witness"
    sys_version = ""
    timeout = TIMEOUT_S

    def do_POST(self) -> None:
        if self.path != "/add-checkpoint":
            self._answer(Answer(NOT_FOUND, b"there is only /add-checkpoint\n"), close=True)
            return
        size, *more = self.headers.get_all("Content-Length", [""])
        chunked = "Transfer-Encoding" in self.headers
        if more or chunked or not (size.isascii() and size.isdigit() and len(size) < 10):
            self._answer(Answer(LENGTH_REQUIRED, b"say how long the body is\n"), close=True)
        elif int(size) > SUBMISSION_MAX:
            self._answer(Answer(TOO_LARGE, b"no checkpoint is so long\n"), close=True)
        else:
            body = self.rfile.read(int(size))
            self._ask(lambda: self.server.witness.add_checkpoint(body))

    def do_GET(self) -> None:
        origin_hash, _, rest = self.path.removeprefix("/").partition("/")
        if rest != "checkpoint":
            origin_hash = ""
        self._ask(lambda: self.server.witness.newest(origin_hash))

    def _ask(self, question: Callable[[], Answer]) -> None:
        try:
            answer = question()
        except StoreError as error:
            self._answer(Answer(FAILED, b"the witness has failed\n"), close=True)
            self.server.fail(error)
        else:
            self._answer(answer)

    def _answer(self, answer: Answer, close: bool = False) -> None:
        self.server.tell(answer)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: ``tell`` says what happened, without what a client made up."""
