"""How the tests look at a command that fails."""

from tinygen.cli import main


def fails(capsys, *words, code=1, silent=False):
    """The one line on the error stream of a command that fails; `silent`: and prints nothing."""
    capsys.readouterr()
    try:
        found = main(list(map(str, words)))
    except SystemExit as left:
        found = left.code
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert found == code and len(lines) == 1 and printed.err.count("\n") == 1, printed
    assert "Traceback" not in printed.out + printed.err and not (silent and printed.out), printed
    return lines[0]
