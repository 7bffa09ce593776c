"""Rows as a whole: their codes, and what the schema says of columns together."""
