"""What ties columns, as a person declares it, and codes of whole records in which it holds."""
