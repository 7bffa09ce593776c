"""What models learn from synthetic rows: learners, their predictions on people held out, and the gaps."""
