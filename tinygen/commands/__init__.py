"""The commands, one a file: `add` declares a command's arguments, `run` does it.

`run(args)` returns the exit code; the errors that it raises are printed in one line by cli.py.
"""
