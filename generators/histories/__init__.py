"""Histories of units: a start and steps, both by marginals."""
