"""Searches over mass and lifetime: candidate tables, signal maps, background densities, the scan, its files."""
