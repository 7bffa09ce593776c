"""What a person starts, from files to outcome: the command line walks it by itself, or a Prefect flow does."""
