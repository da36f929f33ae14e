"""The level-1 trigger: lines of drift chamber, calorimeter and muon detector with turn-on curves and Bhabha veto."""

from toymc.detector.trigger.public import (
    fire_trigger,
    fired,
    line_probabilities,
    trigger_efficiency,
    turn_on_curve,
)
from toymc.detector.trigger.tables import TriggerNumbers, TriggerTables, trigger_rows, trigger_tables

__all__ = [
    "TriggerNumbers",
    "TriggerTables",
    "fire_trigger",
    "fired",
    "line_probabilities",
    "trigger_efficiency",
    "trigger_rows",
    "trigger_tables",
    "turn_on_curve",
]
