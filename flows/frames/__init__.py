"""Synthetic rows on disk: CSV, typed Parquet, pictures."""
