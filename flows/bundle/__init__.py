"""What leaves the house: written, held back for a decision, exported, verified by whoever receives it."""
