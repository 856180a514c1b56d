"""What if: a recorded day once more, under another policy or staffing.

    found = what_if(Path("monday.db"), Scenario(add=2), seeds=20)

What the log knows is used whenever the same thing happens again; what it does not know is
drawn, by seed (``MODEL``). With nothing changed nothing is drawn, and every decision comes
out as it is recorded. Whatever comes out is simulated, and says so.
"""

from .chance import MODEL as MODEL
from .changes import Change as Change
from .changes import Chosen as Chosen
from .day import Day as Day
from .figures import Summary as Summary
from .figures import unit as unit
from .run import WhatIf as WhatIf
from .run import read_day as read_day
from .run import what_if as what_if
from .scenario import Scenario as Scenario
from .scenario import read_policy as read_policy
