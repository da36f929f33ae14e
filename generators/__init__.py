"""Truth events: beams, initial-state radiation, matrix elements with spin, decay chains."""
