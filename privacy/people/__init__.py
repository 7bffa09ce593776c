"""Who is a unit: by what people and rows are known, on which side they fall, and knowing them again."""
