"""The frame of pages: table of contents, boxes that scroll, and the policy of what a page may load."""

import base64
import hashlib

import pytest
from markupsafe import Markup

from src.reporting import render


def test_sections_get_unique_ids_and_entries() -> None:
    body = (
        '<h2>Runs</h2><h2 data-toc="R &amp; B">Rhythm</h2><h2>Runs <small>2</small></h2><h2>音楽</h2><h3>no entry</h3>'
    )
    page = render.with_contents(Markup(body))
    assert [id_ for id_, _ in page.entries] == ["runs", "r-b", "runs-2", "section"]
    assert [str(entry) for _, entry in page.entries] == ["Runs", "R &amp; B", "Runs 2", "音楽"]
    assert '<h2 id="runs-2">Runs <small>2</small></h2>' in page.content


def test_same_headings_get_different_ids() -> None:
    page = render.with_contents(Markup("<h2>a</h2><h2>a</h2><h2>content</h2>"))
    assert [id_ for id_, _ in page.entries] == ["a", "a-2", "content-2"]  # `content` is the id of <main>


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "&lt;b&gt;"])
def test_names_from_data_stay_escaped_in_the_contents(name: str) -> None:
    heading = Markup("<h2>{}</h2>").format(name)
    short = Markup('<h2 data-toc="{}">x</h2>').format(name)
    page = render.with_contents(heading + short)
    assert [entry.unescape() for _, entry in page.entries] == [name, name]
    assert all("<" not in entry and '"' not in entry for _, entry in page.entries)


def test_a_box_that_scrolls_can_be_reached_with_the_keyboard_and_has_a_name() -> None:
    page = render.with_contents(Markup('<h2>A &amp; "B"</h2><div class="scroll"><table></table></div>'))
    assert '<div class="scroll" tabindex="0" role="region" aria-label="A &amp; &#34;B&#34;, table 1">' in page.content


def test_the_policy_allows_the_script_of_the_pages_only() -> None:
    script, policy = render._script()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy  # no server is contacted
    assert "http" not in policy


def test_a_command_in_a_sentence_is_code_and_the_rest_is_escaped() -> None:
    assert render.code("<b> `python -m src.audit` finds") == "&lt;b&gt; <code>python -m src.audit</code> finds"


def test_numbers_stay_with_their_percent_signs_but_not_in_what_is_copied() -> None:
    page = render.with_contents(Markup("<p>95 % of 10 %, a %</p><pre>5\n5 %</pre>"))
    assert page.content == "<p>95\u00a0% of 10\u00a0%, a %</p><pre>5\n5 %</pre>"
