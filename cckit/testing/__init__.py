"""Rung 5: a center in virtual time, and every contract as a function."""

from .draws import Exponential as Exponential
from .draws import Fixed as Fixed
from .draws import Lengths as Lengths
from .draws import Lognormal as Lognormal
from .draws import Observed as Observed
from .draws import Uniform as Uniform
from .projections import Tape as Tape
from .projections import check_projection as check_projection
from .simulate import Simulated as Simulated
from .simulate import open_traffic as open_traffic
from .simulate import simulate as simulate
from .spec import Outcome as Outcome
from .spec import Spec as Spec
from .staffing import Shift as Shift
from .staffing import Staffing as Staffing
from .staffing import read_staffing as read_staffing
from .survival import Survival as Survival
from .traffic import Arrival as Arrival
from .traffic import Listed as Listed
from .traffic import Process as Process
from .traffic import Processes as Processes
from .traffic import Rate as Rate
from .traffic import Traffic as Traffic
from .traffic import read_traffic as read_traffic
from .world import World as World
