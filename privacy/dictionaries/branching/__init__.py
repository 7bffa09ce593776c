"""REDCap's branching logic: what a field is not asked after, as combinations that never occur."""
