"""Private rows that need not fit into memory: distinct values, and small integers in files without a name."""
