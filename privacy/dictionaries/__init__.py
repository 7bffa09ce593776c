"""Schemas from the documents that describe a table: data dictionaries and table definitions, no row read."""
