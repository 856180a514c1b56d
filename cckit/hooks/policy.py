"""Pure questions that decide puts through ``ask``.

They are synchronous functions of their arguments. What they answer is stored in the event
it led to, with its reason, so replay calls no plugin.
"""

from collections.abc import Sequence

from cckit.core.ask import Candidate, Ranking, Verdict, Waiting
from cckit.core.events import Actor

from .markers import hookspec


class PolicyHooks:
    """Rules of a center.

    .. versionadded:: 0.1
    """

    @hookspec
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        """May ``actor`` do ``action`` to ``target``?

        Policy, all answers: the strictest wins; if none allows, it is denied. Fails
        closed: raising, taking over a second, being suspended or another type of answer
        denies. ``roles`` are those the log gives the actor, sorted; ``action`` is the
        command's name, ``SetNotReady``, or ``Record`` for storing ready facts, or what
        somebody wants to do with personal data: ``Unmask``, ``Export``, ``Find``,
        ``Listen``, ``Replay``; ``target`` is what it is about, ``agent/anna``, also where
        that is an offer made to anna or a contact that she has. Asked for actors of kind
        agent, supervisor and admin; for others there is a table. A denial is stored as
        ``access.refused``. None has no opinion.

        .. versionadded:: 0.1
        """
        return None

    @hookspec(firstresult=True)
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        """Order the agents who may be offered this contact, best first.

        Policy, one answer, else the queue's strategy. Fails open. Stored in
        ``offer.made``. ``candidates``: 1 to 64 frozen views by ``(idle_since, agent)``, the
        longest idle first; who stands behind the 64th is not asked about. The answer names
        some or all of them, each once, with a reason of at most 4,096 bytes of UTF-8. None
        declines.

        .. versionadded:: 0.1
        """
        return None
