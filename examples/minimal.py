"""A center, an agent, a caller, the offer, the report. Run it in an empty folder."""

import trio

from cckit import Actor, Config, open_center
from cckit.cli.main import main as cckit
from cckit.core import AcceptOffer, Enqueue, LogIn, ReportArrived, ReportBridged, SetReady

anna, phone = Actor("agent", "anna"), Actor("adapter", "phone")


async def morning() -> None:
    async with open_center(Config.parse("[queues.orders]\n[agents.anna]"), log="day.db") as center:
        await center.do(LogIn("anna"), actor=anna)
        await center.do(SetReady("anna"), actor=anna)
        call = await center.do(ReportArrived("voice", from_="+49 30 555 0100"), actor=phone)
        queued = await center.do(Enqueue(call.contact, "orders"), actor=phone)
        await center.do(AcceptOffer(queued.offer), actor=anna)
        await center.do(ReportBridged(queued.offer), actor=phone)


trio.run(morning)
cckit(["report", "day.db", "service-level"])
