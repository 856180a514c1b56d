"""People: how they are hidden, who may see them, and how they are forgotten.

``sealing`` is the door through which each command passes, and ``whose`` says of whom it
speaks; both are exported here.
``access`` writes down who opens a value before it is opened, ``disclosing`` tells somebody
all about them. ``erasing`` destroys keys, ``retention`` says when, and ``lost`` and
``commitments`` hold the key file to the log. This room knows nothing of the other rooms.
"""

from .sealing import NO_KEYS as NO_KEYS
from .sealing import People as People
from .whose import about as about
from .whose import begun_by as begun_by
from .whose import is_personal as is_personal
from .whose import personal_fields as personal_fields
