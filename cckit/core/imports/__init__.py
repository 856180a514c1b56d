"""Call records of other systems, as facts: a file and a mapping in, decisions out."""

from .calls import Imported as Imported
from .calls import decisions as decisions
from .calls import log_id as log_id
from .calls import read_calls as read_calls
from .mapping import Mapping as Mapping
from .mapping import read_mapping as read_mapping
from .rows import Problem as Problem
from .rows import Visit as Visit
