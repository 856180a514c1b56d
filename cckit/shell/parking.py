"""Where a task waits until something has changed."""

import trio


class Parking:
    """A bell: ``wait`` until it is rung; ringing with nobody there is remembered.

    A ring between two waits must not be lost: what it told of may need doing.
    """

    __slots__ = ("_rung", "_task")

    def __init__(self) -> None:
        self._rung = False
        self._task: trio.lowlevel.Task | None = None

    def ring(self) -> None:
        if self._task is None:
            self._rung = True
            return
        trio.lowlevel.reschedule(self._task)
        self._task = None

    async def wait(self) -> None:
        """Wait for the next ring; one task at a time."""
        if self._rung:
            self._rung = False
            await trio.lowlevel.checkpoint()
            return
        self._task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self._task = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
