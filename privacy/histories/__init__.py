"""Rows of a unit as a history: one row of what stays the same, and steps from each row to the next."""
