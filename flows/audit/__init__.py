"""What a generator is shown to spend at least: worst cases and canaries on made-up tables."""
