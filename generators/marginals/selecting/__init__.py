"""What AIM chooses among, and what each choice is worth."""
