"""Figures: template stacks, limits against mass, cut flows, pulls; PNG for the screen, PDF for the paper."""
