"""The replay certificate: what a log says of itself, against what its events come to."""

from .anomalies import ANOMALIES as ANOMALIES
from .anomalies import CHANGES as CHANGES
from .anomalies import Bounds as Bounds
from .audit import Audit as Audit
from .audit import Rebuilt as Rebuilt
from .certificate import DIFFERS as DIFFERS
from .certificate import HOLDS as HOLDS
from .certificate import NOT_PROVABLE as NOT_PROVABLE
from .certificate import Beside as Beside
from .certificate import Subject as Subject
from .certificate import certificate as certificate
from .certificate import unloaded as unloaded
from .checkpoints import Checkpoints as Checkpoints
from .findings import LISTED as LISTED
from .pins import Compared as Compared
from .pins import Identity as Identity
from .pins import Pinned as Pinned
from .pins import identity as identity
from .pins import pin as pin
