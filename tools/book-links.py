#!/usr/bin/env python3
"""Whether every link between the pages of the book leads somewhere, to headings too: book-links.py FOLDER.

The test suite asks the same of the sources. This asks the pages as they were made, whose anchors mdBook chose.
"""
import html.parser
import os
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = set(), []
        with open(path, encoding="utf-8") as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "id":
                self.anchors.add(value)
            elif name in ("href", "src") and tag != "link" and value:
                self.links.append(value)


def main(folder):
    names = [os.path.join(at, name) for at, _, files in os.walk(folder) for name in files]
    # The page for what is not there has links from the root of a site that it does not know.
    pages = {name: Page(name) for name in names if name.endswith(".html") and not name.endswith("404.html")}
    broken = []
    count = 0
    for name, page in pages.items():
        for link in page.links:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            count += 1
            path = urllib.parse.unquote(parts.path)
            target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if not os.path.exists(target):
                broken.append(f"{name}: {link}: there is no such file")
            elif target in pages and parts.fragment and urllib.parse.unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{name}: {link}: there is no such heading")
    print(*broken, sep="\n", end="\n" if broken else "", file=sys.stderr)
    print(f"{len(pages)} pages, {count} links, {len(broken)} broken")
    sys.exit(bool(broken) or count == 0)


main(sys.argv[1])
