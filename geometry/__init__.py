"""What the machine and the detectors are: cards of sourced numbers and their typed loaders. No simulation here.

The folders belle2, belle2_run2 and belle hold the numbers; `load_card` reads, checks and types them.
"""

from toymc.geometry.cards import DetectorCard, card_names, load_card

__all__ = ["DetectorCard", "card_names", "load_card"]
