"""The pages of the wizard, one step each: what it shows, and what it makes of what it is sent."""
