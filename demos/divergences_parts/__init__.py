"""The questions of the laboratory of divergences, one a file."""
