"""The forms of a page as a browser sends them back, untouched."""

from html.parser import HTMLParser

from starlette.testclient import TestClient


class _Fields(HTMLParser):
    """The fields of a page's main part, but for boxes to tick, and what is disabled."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._inside: list[str] = []
        self._name = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "main":
            self._inside.append(tag)
        if not self._inside or "disabled" in given:
            return
        if tag in ("textarea", "select"):
            self._inside.append(tag)
            self._name = given["name"]
            self.sent[self._name] = ""
        elif tag == "input" and given.get("type") != "checkbox":
            self.sent[given["name"]] = given.get("value", "")
        elif tag == "option" and self._inside[-1] == "select" and "selected" in given:
            self.sent[self._name] = given["value"]

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] == ["textarea"]:
            self.sent[self._name] += data.replace("\n", "\r\n")

    def handle_endtag(self, tag: str) -> None:
        if self._inside[-1:] == [tag]:
            self._inside.pop()


def form_of(client: TestClient, path: str, says: str = "") -> dict[str, str]:
    """What the forms of a page hold together."""
    html = client.get(path).text
    assert says in html, html
    return _Fields(html).sent
