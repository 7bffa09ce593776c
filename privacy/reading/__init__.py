"""Files of every kind → texts → canonical values inside the schema, each read by itself; drafts of a schema."""
