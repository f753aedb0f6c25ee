"""Is the page self-contained, well formed, and is everything from a model escaped in it?"""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from pimsim.errors import printable

HOSTILE = (
    "x[/foo]", "<script>alert(1)</script>", "=cmd()", "\x1b[31mred", "$\\frac$", '" onload="x', "a\nb",
    "</title><img src=http://example.com/x>", "'\u202egnp", "&lt;", "</style>",
)  # fmt: skip
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Gathers tags, attributes and text; fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(page: str) -> Page:
    found = Page()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


@pytest.fixture
def hostile(make_result):
    names = HOSTILE
    return make_result(names, model=names[1], hardware=names[7], notes=names, warnings=names)


def test_nothing_from_a_model_becomes_markup(hostile):
    page = parsed(hostile.to_html())
    assert not page.tags & {"script", "img", "iframe", "link", "object", "a", "base", "form"}
    assert page.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "br", "div", "b", "span", "dl", "dt",
        "dd", "ul", "li", "i", "svg", "g", "rect", "text", "line", "table", "thead", "tbody", "tfoot", "tr", "th", "td",
    }  # fmt: skip
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    text = "".join(page.text)
    for name in HOSTILE:
        assert printable(name) in text


def test_control_characters_are_written_as_escapes(hostile):
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", hostile.to_html())


def test_the_policy_forbids_every_request(make_result):
    page = make_result().to_html()
    policy = next(v for t, n, v in parsed(page).attributes if t == "meta" and n == "content" and "default-src" in v)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "url(" not in page
    assert "@import" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_charts_are_well_formed_and_hold_every_layer(make_result):
    result = make_result([f"n{i}" for i in range(30)])
    charts = [ElementTree.fromstring(svg) for svg in re.findall("<svg.*?</svg>", result.to_html(), re.DOTALL)]
    assert len(charts) == 3
    for svg in charts:
        width = float(svg.get("width"))
        for rect in svg.iter("rect"):
            assert 0 <= float(rect.get("x")) <= float(rect.get("x")) + float(rect.get("width")) <= width
        names = [text.text for text in svg.iter("text") if text.get("class") == "name"]
        assert {f"n{i}" for i in range(30) if i % 4 != 3} <= set(names)


def test_bars_are_as_long_as_their_figures(make_result):
    result = make_result()
    energy = ElementTree.fromstring(re.search("<svg.*?</svg>", result.to_html(), re.DOTALL)[0])
    lengths: dict[str, float] = {}
    for rect in energy.iter("rect"):
        lengths[rect.get("y")] = lengths.get(rect.get("y"), 0.0) + float(rect.get("width"))
    figures = [row["energy_pJ"] for row in result.layers if row["energy_pJ"]]
    longest = max(lengths.values())
    for length, figure in zip(lengths.values(), figures, strict=True):
        assert length / longest == pytest.approx(figure / max(figures), abs=1e-3)


def test_many_layers_make_a_bounded_page(make_result):
    page = make_result([f"n{i}" for i in range(5000)]).to_html()
    assert len(page) < 3_000_000
    assert "smaller steps beside it" in page


def test_an_empty_model_has_a_page(make_result):
    parsed(make_result([]).to_html())


def test_the_notebook_form_is_escaped_too(hostile):
    page = parsed(hostile._repr_html_())
    assert "script" not in page.tags
    assert "table" in page.tags


@pytest.mark.slow
def test_a_browser_opens_it_without_request_or_complaint(hostile, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium here")
    page = tmp_path / "page.html"
    page.write_text(hostile.to_html(), "utf-8")
    log = tmp_path / "net.json"
    done = subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr", "--v=0", f"--log-net-log={log}", "--virtual-time-budget=2000", "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    assert 'class="cards"' in done.stdout
    assert "<script" not in done.stdout
    assert "example.com" not in log.read_text("utf-8", "replace")
