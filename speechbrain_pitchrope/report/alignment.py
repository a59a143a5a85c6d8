"""An utterance as it was recognised, under what was said, with its errors marked."""

from speechbrain_pitchrope.report.markup import element, text

MEANINGS = {"S": "substituted", "D": "deleted", "I": "inserted"}

ABSENT = "\u2013"
"""Stands for no word, above an inserted or below a deleted one."""


def alignment(utterance):
    """The columns of an alignment: reference, hypothesis, and a letter for an error.

    Who can't see the columns is read both texts and the errors instead.

    Arguments
    ---------
    utterance : speechbrain_pitchrope.scoring.wer_files.Utterance
        What was aligned.

    Returns
    -------
    str
        Markup.
    """
    columns = [_column("who", "said", "recognised")]
    for operation, said, heard in utterance.columns:
        kind = None if operation == "=" else operation
        columns.append(_column(kind, said or ABSENT, heard or ABSENT))
    return element("p", text(as_text(utterance)), class_="unseen") + element(
        "div", *columns, class_="alignment", aria_hidden="true"
    )


def _column(kind, said, heard):
    letter = kind if kind in MEANINGS else None
    mark = element("abbr", text(letter), title=MEANINGS[letter]) if letter else ""
    return element(
        "span",
        element("span", text(said), class_="said"),
        element("span", text(heard), class_="heard"),
        mark,
        class_=f"column {kind}" if kind else "column",
    )


def as_text(utterance):
    """An alignment in words.

    Arguments
    ---------
    utterance : speechbrain_pitchrope.scoring.wer_files.Utterance
        What was aligned.

    Returns
    -------
    str

    Example
    -------
    >>> from speechbrain_pitchrope.scoring.wer_files import parse_alignment
    >>> lines = "A ; BOX ; <eps>", "= ;  S  ;   I  ", "A ; FOX ;  IS  "
    >>> as_text(parse_alignment(*lines))
    'Said: A BOX. Recognised: A FOX IS. Errors: BOX substituted by FOX, IS inserted.'
    """
    errors = []
    for operation, said, heard in utterance.columns:
        if operation == "S":
            errors.append(f"{said} substituted by {heard}")
        elif operation != "=":
            errors.append(f"{said or heard} {MEANINGS[operation]}")
    return (
        f"Said: {' '.join(utterance.reference) or 'nothing'}. "
        f"Recognised: {' '.join(utterance.hypothesis) or 'nothing'}. "
        f"Errors: {', '.join(errors) or 'none'}."
    )
