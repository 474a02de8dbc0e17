"""Coloured tokens."""

import re

import pytest

from c2l_jax.credit import credit_html, legend_html, shared_scale


def test_colours_follow_sign_and_size():
    ratios = [2.0, -4.0, 0.0]
    html = credit_html(["a <b>", "\n", "é"], ratios, shared_scale([ratios, [1.0]]))
    colours = re.findall(r"rgba\((\d+), (\d+), (\d+), ([\d.]+)\)", html)
    greens, reds, none = colours
    assert int(greens[1]) > int(greens[0]) and int(reds[0]) > int(reds[1])
    assert float(reds[3]) == pytest.approx(2 * float(greens[3])) and float(none[3]) == 0
    assert "a &lt;b&gt;" in html and 'title="-4.00"' in html and "pre-wrap" in html
    assert re.sub("<[^>]+>", "", html) == "a &lt;b&gt;\né"


def test_sizes_beyond_the_scale_are_the_strongest():
    assert credit_html(["a"], [9.0], 1.0).replace("+9", "+1") == credit_html(["a"], [1.0], 1.0)


def test_scale_of_nothing_is_usable():
    assert shared_scale([]) == shared_scale([[0.0]]) == 1.0
    assert "+0.00" in credit_html(["a"], [0.0], 1.0)


def test_legend_names_its_ends():
    legend = legend_html(3.0)
    assert "-3" in legend and "+3" in legend and "policy / reference" in legend


def test_every_token_needs_a_number():
    with pytest.raises(ValueError):
        credit_html(["a", "b"], [1.0], 1.0)
