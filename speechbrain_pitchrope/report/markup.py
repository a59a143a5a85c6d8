"""Pieces of HTML. Every text that goes in is escaped here; what comes out is markup."""

from html import escape


def element(tag, *content, **attributes):
    """An element of markup.

    Arguments
    ---------
    tag : str
        Its name.
    *content : str
        Markup, put into it as it is.
    **attributes : str or bool
        Texts, which are escaped; True for an attribute without value, False or None for
        none. A trailing underscore is left out, as in ``class_``, others are hyphens.

    Returns
    -------
    str

    Example
    -------
    >>> element("a", text("5 < 6"), href="#x", class_="wide", data_time="a&b")
    '<a href="#x" class="wide" data-time="a&amp;b">5 &lt; 6</a>'
    """
    given = ""
    for name, value in attributes.items():
        if value is True:
            given += f" {_hyphens(name)}"
        elif value is not None and value is not False:
            given += f' {_hyphens(name)}="{text(value)}"'
    opened = f"<{tag}{given}>"
    return (
        opened
        if tag in ("img", "meta", "link")
        else f"{opened}{''.join(content)}</{tag}>"
    )


def _hyphens(name):
    return name.rstrip("_").replace("_", "-")


def text(value):
    """A text as markup.

    Example
    -------
    >>> text('<b> & "c"')
    '&lt;b&gt; &amp; &quot;c&quot;'
    """
    return escape(str(value), quote=True)


def paragraph(value, **attributes):
    """A paragraph of text."""
    return element("p", text(value), **attributes)


def section(name, title, *content):
    """A section with a heading that can be linked to."""
    heading = element("h2", text(title), id=f"{name}-title")
    return element(
        "section", heading, *content, id=name, aria_labelledby=f"{name}-title"
    )


def scroller(name, *content):
    """A region that scrolls sideways where there is no room, with the keyboard too."""
    return element(
        *("div", *content),
        class_="scroll",
        role="region",
        aria_label=name,
        tabindex="0",
    )


def table(caption, header, rows):
    """A table of texts; columns of numbers are set to the right.

    Arguments
    ---------
    caption : str
        What it holds.
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence
        Texts or numbers; the first of a row names it.

    Returns
    -------
    str
    """
    numeric = [
        all(_is_number(row[i]) for row in rows) and bool(rows)
        for i in range(len(header))
    ]
    classes = ["number" if right else None for right in numeric]
    head = (
        element("th", text(name), scope="col", class_=name_class)
        for name, name_class in zip(header, classes, strict=True)
    )
    body = [element("tr", *_cells(row, classes)) for row in rows]
    content = (
        element("caption", text(caption)),
        element("thead", element("tr", *head)),
        element("tbody", *body),
    )
    return scroller(caption, element("table", *content))


def _cells(row, classes):
    for i, (value, class_) in enumerate(zip(row, classes, strict=True)):
        if i == 0:
            yield element("th", text(value), scope="row", class_=class_)
        else:
            yield element("td", text(value), class_=class_)


def _is_number(value):
    """Whether this is a number, or stands for one that is missing."""
    try:
        float(str(value).replace(",", "").removesuffix(" %"))
    except ValueError:
        return value in ("-", "")
    return True


def details(summary, *content):
    """What is folded away until it is asked for."""
    return element("details", element("summary", text(summary)), *content)


def figure(picture):
    """A picture with its caption.

    Arguments
    ---------
    picture : speechbrain_pitchrope.report.pictures.Picture
        The picture.

    Returns
    -------
    str
    """
    image = element(
        "img",
        src=picture.uri,
        alt=picture.alt,
        width=picture.width,
        height=picture.height,
    )
    time = picture.time and " ".join(f"{value:.5g}" for value in picture.time)
    frame = element("div", image, class_="frame", data_time=time)
    return element(
        "figure",
        scroller(f"Figure: {picture.alt}", frame),
        element("figcaption", text(picture.caption)),
    )


def player(uri, name):
    """A player of a sound that the page holds."""
    return element(
        "audio", src=uri, controls=True, preload="metadata", aria_label=f"Play {name}"
    )
