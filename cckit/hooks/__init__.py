"""The doors: what a plugin may add, be asked, or make.

A plugin is a class that subclasses the specification classes and marks its methods::

    class Plugin(RegisterHooks, PolicyHooks):
        @hookimpl
        def cckit_register_events(self) -> Sequence[type]: ...
"""

from .channel import Bounded as Bounded
from .channel import Channel as Channel
from .channel import Port as Port
from .channel import Reconciling as Reconciling
from .channel import Result as Result
from .channel import Sessions as Sessions
from .eraser import Eraser as Eraser
from .factory import FactoryHooks as FactoryHooks
from .markers import hookimpl as hookimpl
from .policy import PolicyHooks as PolicyHooks
from .reactor import Reactor as Reactor
from .register import RegisterHooks as RegisterHooks
from .relay import Relay as Relay
from .store import Conflict as Conflict
from .store import Head as Head
from .store import Store as Store
from .vault import Keks as Keks
from .zones import read_zone as read_zone
