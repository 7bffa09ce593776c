"""What is public about a table: the schema a person writes, its kinds of column, integer codes inside it."""
