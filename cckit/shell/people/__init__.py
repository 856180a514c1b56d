"""People: how they are hidden, who may see them, and how they are forgotten.

``sealing`` is the door through which each command passes, and what is exported here.
``access`` writes down who opens a value before it is opened, ``disclosing`` tells somebody
all about them. ``erasing`` destroys keys, ``retention`` says when, and ``lost`` and
``commitments`` hold the key file to the log. This room knows nothing of the other rooms.
"""

from .sealing import NO_KEYS as NO_KEYS
from .sealing import People as People
from .sealing import personal_fields as personal_fields
from .whose import about as about
from .whose import begun_by as begun_by
from .whose import is_personal as is_personal
