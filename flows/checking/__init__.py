"""What private rows say of a schema, and a schema of rows: the same for a terminal and for a page."""
