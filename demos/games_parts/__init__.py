"""The questions of the games of two players, one a file."""
