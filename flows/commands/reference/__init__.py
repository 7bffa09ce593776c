"""What a person may write, told from the models that read it: for editors and for readers."""
