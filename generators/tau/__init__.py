"""Tau decays with matrix elements and polarimeter vectors; see `toymc.generators.tau.decay`."""
