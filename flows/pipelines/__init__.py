"""What a person starts, from files to outcome: the command line runs it by itself, or a Prefect flow does."""
