"""Zero-shot transfer: natural language inference, learnt in English and tested everywhere.

Modules, from the data on: ``pairs`` (files), ``sources`` (folders and hubs), ``prepare``,
``classifier``, ``training`` with ``checkpoints``, ``evaluation``, ``scores``.
"""
