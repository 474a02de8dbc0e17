"""A page as a browser takes it apart."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "rect", "line", "polyline", "circle"}


class Page(HTMLParser):
    """Fails on unbalanced tags; collects the tags with their attributes and the text."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.text = [], [], ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag):
        return [attributes for each, attributes in self.tags if each == tag]
