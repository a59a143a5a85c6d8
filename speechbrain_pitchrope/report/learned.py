"""The table of what was learned of pitch, read back from its text."""

import re
from typing import NamedTuple


class Learned(NamedTuple):
    """The table of ``speechbrain_pitchrope.nnet.summary.learned_pitch``.

    Arguments
    ---------
    header : list of str
        Names of the columns.
    rows : list of list of str
        One a head; "-" where an enhancement is off.
    """

    header: list
    rows: list

    def loudest(self, columns):
        """The head that uses pitch most.

        Arguments
        ---------
        columns : sequence of str
            The first of these that is on decides.

        Returns
        -------
        layer, head : int
            Of the row with the largest magnitude.
        column : str
            By which column.

        Raises
        ------
        ValueError
            If all are off.

        Example
        -------
        >>> rows = [["0", "0", "0.1", "-"], ["0", "1", "-0.3", "-"]]
        >>> table = Learned(["layer", "head", "max |a|", "beta"], rows)
        >>> table.loudest(["beta", "max |a|"])
        (0, 1, 'max |a|')
        """
        for column in columns:
            if column not in self.header:
                continue
            place = self.header.index(column)
            rows = [row for row in self.rows if row[place] != "-"]
            if rows:
                layer, head, *_ = max(rows, key=lambda row: abs(float(row[place])))
                return int(layer), int(head), column
        raise ValueError(f"{', '.join(columns)} are off in every head")


def parse_learned(text):
    """Columns and rows of the table of ``learned_pitch``.

    Arguments
    ---------
    text : str
        The table; columns are two or more spaces apart.

    Returns
    -------
    Learned
    """
    header, *rows = (re.split(r"\s{2,}", line.strip()) for line in text.splitlines())
    return Learned(header, rows)
