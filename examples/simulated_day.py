"""Six or eight agents? The same simulated morning, met by both; needs no network."""

from zoneinfo import ZoneInfo

from cckit.core.facts import QueueLeft
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.settings import QueueSettings
from cckit.testing import Exponential, Lognormal, Process, Processes, Rate, Shift, Staffing, World
from cckit.testing.world import START

callers = Process(
    QueueId("service"),
    rates=(Rate(START, START + HOUR, 60.0), Rate(START + HOUR, START + 2 * HOUR, 110.0)),
    patience=Exponential(180 * SECOND),
    handling=Lognormal(200 * SECOND, 170 * SECOND),
)
morning = Processes(START, Instant(START + 2 * HOUR), ZoneInfo("UTC"), (callers,))

for agents in (6, 8):
    crew = Staffing((Shift(agents),), {"service": QueueSettings(wrapup_us=30 * SECOND)})
    world = World(seed=1, traffic=morning, staffing=crew)
    world.run()
    visits = [left for _, left in world.events((QueueLeft,))]
    lost = sum(left.reason == "abandoned" for left in visits)
    wait_s = sum(left.wait_us for left in visits) // len(visits) // SECOND
    print(f"{agents} agents: {lost} of {len(visits)} gave up, mean wait {wait_s} s")
