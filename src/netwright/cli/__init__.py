"""The command line: a file for each command, and what they share.

Nothing here imports PyTorch, Polars or pydantic before a command runs, so that ``--help`` answers at once.
"""
