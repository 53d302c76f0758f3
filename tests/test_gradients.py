"""Every case and claim of the library holds: the lines of the command `check`, one test each.

The gradient of each case is the derivative of its forward pass, and its contract is kept.
"""

import pytest

from tinygen.check_all import Table, library, line


@pytest.mark.parametrize("case", library(), ids=lambda case: f"{type(case).__name__}: {case.name}")
def test_every_line_of_the_table_passes(case):
    result = line(case)
    assert result.passed, str(Table([result]))
