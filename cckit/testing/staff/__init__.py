"""The agents that a day needs: its demand read, its plan played on the floor."""

from .demand import Work as Work
from .reading import Asked as Asked
from .reading import read_work as read_work
from .rehearsal import Played as Played
from .rehearsal import Post as Post
from .rehearsal import rehearse as rehearse
from .seeds import Estimate as Estimate
from .seeds import ratio as ratio
