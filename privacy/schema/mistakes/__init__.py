"""What a person wrote that cannot be read as it stands, told in their own terms: place, value, remedy."""
