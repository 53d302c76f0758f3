"""The systems, one a file, each with its objective and reference."""
