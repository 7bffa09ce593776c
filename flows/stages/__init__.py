"""A release stage by stage, free of Prefect: what is asked for, planned, run and kept."""
