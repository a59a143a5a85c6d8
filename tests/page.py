"""A report's page as its elements, to be looked at by tests."""

from xml.etree import ElementTree


class Element:
    """One element: its tag, attributes, text and the elements in it."""

    def __init__(self, node):
        self.node, self.tag, self.attributes = node, node.tag, node.attrib

    def __getitem__(self, name):
        return self.attributes[name]

    @property
    def text(self):
        """All text in it, with single spaces."""
        return " ".join(" ".join(self.node.itertext()).split())

    def all(self, tag=None, **attributes):
        """Elements in it of this tag that have these attributes (class as class_)."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        found = map(Element, self.node.iter(tag))
        return [
            element
            for element in found
            if element.node is not self.node
            and wanted.items() <= element.attributes.items()
        ]

    def one(self, tag=None, **attributes):
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found


def read_page(path):
    """The root element of a page, which has to be well-formed."""
    return Element(ElementTree.parse(path).getroot())


def section(page, name):
    """A section of a report."""
    return page.one("section", id=name)


def rows_of(table):
    """Texts of the cells below a table's header."""
    rows = table.one("tbody").all("tr")
    return [[Element(cell).text for cell in row.node] for row in rows]
