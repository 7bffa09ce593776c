"""What was spent, and what that lets any attack reach: DpEvents composed, calibrated and put into words."""
