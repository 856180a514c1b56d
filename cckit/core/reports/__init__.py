"""Reports: pure functions of two fact tables that the log yields."""

from typing import Final

from cckit.core.projection import AnyProjection

from .access import ACCESS
from .access import Ledger as Ledger
from .agent_intervals import AgentIntervals as AgentIntervals
from .agent_intervals import Interval as Interval
from .agent_summary import AGENT_SUMMARY
from .audit import AUDIT
from .audit import Audit as Audit
from .catalogue import Catalogue as Catalogue
from .contacts import CONTACTS
from .definitions import Definition as Definition
from .definitions import definition as definition
from .estimates import ESTIMATES
from .estimates import Estimates as Estimates
from .fold import Folding as Folding
from .fold import digests as digests
from .log_facts import LogFactsOf as LogFactsOf
from .modes import MODES, ModesOf
from .now import Wallboard as Wallboard
from .now import now as now
from .queue_intervals import QUEUE_INTERVALS
from .report import Column as Column
from .report import Document as Document
from .report import Parameters as Parameters
from .report import Report as Report
from .report import Source as Source
from .report import Table as Table
from .report import write as write
from .segment_table import Segment as Segment
from .segments import Segments as Segments
from .service_level import SERVICE_LEVEL
from .zone import Zone as Zone

REPORTS: Final[dict[str, Report]] = {
    report.name: report
    for report in (
        SERVICE_LEVEL,
        QUEUE_INTERVALS,
        AGENT_SUMMARY,
        CONTACTS,
        AUDIT,
        ACCESS,
        MODES,
        ESTIMATES,
    )
}
"""By name."""

PROJECTIONS: Final[tuple[AnyProjection, ...]] = (
    Segments(),
    AgentIntervals(),
    LogFactsOf(),
    Audit(),
    Ledger(),
    Estimates(),
    ModesOf(),
)
"""What ``cckit replay`` rebuilds, and every report is made of."""
