"""Stores on disk: the registry of arrays, and activation stores that survive being killed."""
