"""A page of HTML as its elements, to be looked at by tests."""

from html.parser import HTMLParser

WITHOUT_END = {"meta", "link", "img"}


class Element:
    """One element: its tag, attributes, children (elements and texts) and parent."""

    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children = []

    def __getitem__(self, name):
        return self.attributes[name]

    @property
    def text(self):
        """All text in it, with single spaces."""
        parts = (c if isinstance(c, str) else f" {c.text} " for c in self.children)
        return " ".join("".join(parts).split())

    def all(self, tag=None, **attributes):
        """Elements in it of this tag that have these attributes (class as class_)."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            element
            for element in self.everything()
            if (tag in (None, element.tag))
            and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag=None, **attributes):
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def everything(self):
        """Every element in it, in the order of the page."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.everything()


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.place = self.root = Element("root", {}, None)

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs), self.place)
        self.place.children.append(element)
        if tag not in WITHOUT_END:
            self.place = element

    def handle_endtag(self, tag):
        assert tag == self.place.tag, f"</{tag}> ends <{self.place.tag}>"
        self.place = self.place.parent

    def handle_data(self, data):
        self.place.children.append(data)


def read_page(path):
    """The root element of a page; AssertionError if an element doesn't end in order."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert reader.place is reader.root, f"<{reader.place.tag}> does not end"
    return reader.root


def section(page, name):
    """A section of a report."""
    return page.one("section", id=name)


def rows_of(table):
    """Texts of the cells below a table's header."""
    return [
        [cell.text for cell in row.children] for row in table.one("tbody").all("tr")
    ]
