"""What private rows may come in beside CSV and Parquet: one small file for each family."""
