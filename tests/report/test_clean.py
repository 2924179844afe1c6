"""The filters that stand between a stranger's text and a reader."""

import time

import pytest

from gate.report.clean import Safe, code, columns, folded, line, markdown, shown, tree


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]never ended, still seen", "never ended, still seen"),
        ("\x9b31mred", "red"),
        ("\x1bPq#0;2\x1b\\sixel", "sixel"),
        ("\x1b(Bset", "set"),
        ("\x1b", ""),
        ("a\r\nb\tc\u2028d\u00a0e\x85f", "a b c d e f"),
        ("\u202eabc\u2066\u200b\u200d\ufeff\u00ad", "abc"),
        ("a\x00\x08b\x7f", "ab"),
        ("\ud800\ue000\uffff\U000e0041", ""),
        ("=1+1", "=1+1"),
        ("äß漢🔑", "äß漢🔑"),
        (None, "None"),
    ],
)
def test_line(text: object, expected: str) -> None:
    assert line(text) == expected


def test_long_text_is_cut_and_says_so() -> None:
    cut = line("x" * 1_000_000, 60)
    assert len(cut) == 60
    assert cut.endswith("... (1000000 characters)")
    assert line("x" * 60, 60) == "x" * 60
    assert line("\u200b" * 10_000 + "hidden", 60) == "... (10006 characters)"


def test_cleaning_takes_no_time_whatever_comes() -> None:
    begun = time.perf_counter()
    for text in ("\x1b]" * 500_000, "\x1b[" + "1;" * 500_000, " " * 1_000_000, "\x90" * 1_000_000):
        line(text)
    assert time.perf_counter() - begun < 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NO-GO: 2026-02-28T10:08:33Z.", "NO-GO: 2026-02-28T10:08:33Z."),
        ("a_b *c* `d` [e](f) | ~g~ \\", r"a\_b \*c\* \`d\` \[e\](f) \| \~g\~ \\"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("https://x.example www.x.example a@b", r"https:\//x.example www\.x.example a\@b"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    assert markdown(text) == expected
    assert markdown(markdown(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a", "`a`"), ("a`b", "`a'b`"), ("", "` `"), ("\n", "` `"), ("<script>|x", "`\u2039script\u203a\u00a6x`"), ("\\", "`\\`")],
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected
    assert isinstance(code(text), Safe)


def test_shown() -> None:
    assert [shown(value) for value in (True, None, 2, 0.5, [], ["ä"], "x\ny")] == ["true", "null", "2", "0.5", "[]", '["ä"]', "x y"]


def test_tree_cleans_keys_and_values_and_keeps_both_of_two_keys() -> None:
    assert tree({"a\x1b[1m": ["\u202eb", 1, None, True, {"c": 0.5}], "a": 2}) == {"a": ["b", 1, None, True, {"c": 0.5}], "a (1)": 2}


def test_tree_is_bounded() -> None:
    deep: object = "bottom"
    for _ in range(100):
        deep = [deep]
    assert "bottom" not in str(tree(deep))
    assert "nested too deeply" in str(tree(deep))
    wide = tree(list(range(200_000)))
    assert isinstance(wide, list)
    assert wide[-1] == "... (200000 items)"
    assert tree({str(number): 1 for number in range(100_001)})["..."] == "(100001 keys)"  # type: ignore[index]


@pytest.mark.parametrize("text", ["", "a", "word " * 40, "x" * 200, "漢" * 100, "a " + "y" * 79 + " b", "e\u0301" * 90])
def test_folded_keeps_all_text_within_the_width(text: str) -> None:
    lines = folded(text, 40)
    assert lines
    assert all(columns(one) <= 40 for one in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
