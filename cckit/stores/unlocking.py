"""Whether a key file opens with the KEK that is there: looked at, and neither is touched."""

import os

from cckit.core.errors import FormatError
from cckit.hooks.vault import Draw, Keks

from .connection import Mode, connect, disk_errors
from .destroying import LOOKUP
from .keks import kek_file_beside
from .keyfile import FORMAT, REMEDY, check_header, read_meta
from .wrapping import Wrapping


def check_kek(path: str | os.PathLike[str], log_id: bytes, draw: Draw, keks: Keks | None) -> None:
    """Refuse a key file that ``Keys.open`` would not open; one that is still to be made is good.

    ``keks``: who keeps the KEK; left out, it is NAME.kek beside NAME.keys. ``draw`` is not
    called.

    :raises FormatError: foreign, newer, of another log, or under another KEK.
    :raises StoreError: the disk failed.
    """
    place = os.path.abspath(path)
    with disk_errors(place, REMEDY):
        if not os.path.exists(place) or check_header(place) < FORMAT:
            return  # The first format holds its KEK itself.
        connection = connect(place, Mode.READ)
        try:
            meta = read_meta(connection)
        finally:
            connection.close()
    if not meta:
        return
    if meta["log_id"] != log_id:
        raise FormatError(place, "belongs to another log", REMEDY)
    if "kek" in meta:
        return
    wrapping = Wrapping.found(place, meta, draw, None, keks or kek_file_beside(place))
    wrapping.unwrap(LOOKUP, 0, meta["lookup"])
