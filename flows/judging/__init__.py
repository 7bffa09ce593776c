"""Synthetic tables judged: anybody's table, cells of a sweep, releases beside each other."""
