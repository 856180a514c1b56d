"""``cckit witness``: cosign checkpoints of logs, and refuse a history that changed."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.note import VKey
from cckit.shell.clock import SystemClock
from cckit.shell.proof.signers import read_signers
from cckit.shell.proof.witness import GOOD as COSIGNED
from cckit.shell.proof.witness import Answer, Witness, WitnessServer, check_keys
from cckit.stores.witness import WitnessState

from .codes import GOOD
from .options import Json, Whole
from .text import plain, plain_json

PORT_MAX: Final = 65_535
Logs = Annotated[tuple[str, ...], Parameter(name="--log", negative="")]


def witness(
    state: Path,
    /,
    *,
    key: Path,
    log: Logs,
    new: bool = False,
    host: str = "127.0.0.1",
    port: Whole = 8470,
    json: Json = False,
) -> int:
    """Serve as a witness: cosign what continues what was cosigned before, and nothing else.

    It answers POST /add-checkpoint (C2SP tlog-witness) until you stop it. Run it on a
    machine, and under a person, that the log's owner does not command.

    :param state: the file that remembers what was cosigned. Never put an older copy back.
    :param key: the file of the witness's private key, of `cckit keys new NAME --witness`.
    :param log: the public key of a log to witness; may be given several times.
    :param new: begin: make the file. A key that has cosigned before must not begin again.
    :param host: the address to listen on; 0.0.0.0 is every one of this machine.
    :param port: 0 is any free one.
    :param json: print a line {url, keys} when it listens, then one {status, origin, size,
        root, refused} an answer: what it cosigned, or a checkpoint that the log's key signed
        and that continues nothing.
    """
    if port > PORT_MAX:
        raise ConfigError("--port", f"{port} is no port", f"use 0 to {PORT_MAX}")
    signers = read_signers(key)
    logs = [VKey.parse(text) for text in log]
    check_keys(signers, logs)
    kept = WitnessState.open(state, create=new)
    try:
        made = Witness(signers, logs, kept, SystemClock().now)
        server = WitnessServer((host, port), made, say_json if json else say)
        _begin(server, [signer.vkey.text() for signer in signers], json)
        server.serve()
    finally:
        kept.close()
    return GOOD


def _begin(server: WitnessServer, keys: list[str], json: bool) -> None:
    host, port = server.server_address[:2]
    url = f"http://{host if isinstance(host, str) else host.decode()}:{port}"
    if json:
        print(plain_json({"url": url, "keys": keys}), flush=True)
        return
    print(f"witness at {url}", *keys, sep="\n  ", flush=True)


def say(answer: Answer) -> None:
    """One answer, for people."""
    about = answer.about
    if about is not None:
        text = f"cosigned {about.size:,} events of {about.origin}"
    elif answer.status == COSIGNED:
        return  # Somebody looked at what was cosigned.
    else:
        text = f"refused with {answer.status}: {answer.body.decode('utf-8', 'replace').strip()}"
    evidence = answer.evidence.decode().splitlines()
    print(*map(plain, (text, *evidence)), sep="\n  ", flush=True)


def say_json(answer: Answer) -> None:
    """One answer in the shape that scripts rely on."""
    about = answer.about
    refused = answer.evidence.decode() or None
    row: dict[str, object] = {"status": answer.status, "refused": refused}
    row |= {"origin": None, "size": None, "root": None}
    if about is not None:
        row |= {"origin": about.origin, "size": about.size, "root": about.root.hex()}
    print(plain_json(row), flush=True)
