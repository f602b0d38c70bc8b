"""Bad input: every way to spoil a good project, and what the user is told."""
