"""Tables of the commands that print numbers."""


def table(rows):
    """Rows of cells as text: columns flush right, the last one as it is."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return "\n".join(
        "  ".join(f"{cell:>{n}}" for cell, n in zip(row, widths, strict=True))
        for row in rows
    )
