"""``cckit keys``: what signs checkpoints, and what they are checked by."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.note import COSIGNATURE, ED25519
from cckit.hooks.signing import Signer
from cckit.shell.entropy import SystemEntropy
from cckit.shell.proof.signers import read_signers, write_signers

from .codes import GOOD
from .options import Json
from .output import console, print_json
from .text import plain

Output = Annotated[Path, Parameter(name=["--output", "-o"])]


def new(name: str, /, *, output: Output, witness: bool = False, json: Json = False) -> int:
    """Make a key. Its private half is in the file alone; keep it, and keep it from others.

    :param name: the log's origin, which is the name of its center; of a witness its own.
    :param output: the file to write; it must not exist. Only you may read it.
    :param witness: the key is to cosign checkpoints of others.
    :param json: print {keys: [{name, id, vkey}]}.
    """
    kind = COSIGNATURE if witness else ED25519
    signer = Signer.generate(name, SystemEntropy().draw, kind)
    write_signers(output, (signer,), new=True)
    _show((signer,), json)
    return GOOD


def show(file: Path, /, *, json: Json = False) -> int:
    """Print the public halves of the keys of a file, oldest first, for whoever is to check.

    :param file: as `cckit keys new` wrote it.
    :param json: print {keys: [{name, id, vkey}]}.
    """
    _show(read_signers(file), json)
    return GOOD


def rotate(file: Path, /, *, finish: bool = False, json: Json = False) -> int:
    """Exchange a key: a new one signs beside the old one, until --finish drops the old.

    In between give the new public key to everybody who checks. A center that is running
    reads the file when it is opened again, and then records which keys are in force.

    :param file: as `cckit keys new` wrote it.
    :param finish: from now on the new key signs alone.
    :param json: print {keys: [{name, id, vkey}]}: those that sign from now on.
    """
    signers = read_signers(file)
    if finish and len(signers) == 1:
        remedy = "rotate it first, and tell everybody the new key"
        raise ConfigError(str(file), "has one key: nothing is being exchanged", remedy)
    if not finish and len(signers) > 1:
        what = "has two keys already: an exchange is under way"
        raise ConfigError(str(file), what, "end it by --finish")
    if finish:
        signers = signers[-1:]
    else:
        (old,) = signers
        signers = (old, Signer.generate(old.name, SystemEntropy().draw, old.algorithm))
    write_signers(file, signers)
    _show(signers, json)
    return GOOD


def _show(signers: Sequence[Signer], json: bool) -> None:
    keys = [signer.vkey for signer in signers]
    if json:
        rows = [{"name": k.name, "id": k.key_id.hex(), "vkey": k.text()} for k in keys]
        print_json({"keys": rows})
        return
    for key in keys:
        console().print(plain(key.text()), markup=False)
