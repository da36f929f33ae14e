"""Track finding: which charged particles become tracks, which track remains after a kink, what is found for nothing."""

from toymc.detector.finding.layers import count_layers
from toymc.detector.finding.public import tracking_efficiency, tracking_error
from toymc.detector.finding.tables import FindingTables, finding_tables, prompt_efficiency_table

__all__ = [
    "FindingTables",
    "count_layers",
    "finding_tables",
    "prompt_efficiency_table",
    "tracking_efficiency",
    "tracking_error",
]
