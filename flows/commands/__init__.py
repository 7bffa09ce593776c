"""The command line: its groups of commands, and how it speaks."""
