"""The folder of a run: who works in it, what lies there, whether it is still what it was."""
