"""What a run survives: processes are really killed, and files are really damaged."""
