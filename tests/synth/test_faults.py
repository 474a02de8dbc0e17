"""Every fault that is planted is found by the check that is there for it; without one, nothing."""

import pytest

from tests.synth import faults
from tests.synth.faults import COUNT, MANY, PLANTED, ROW, Planted

GOOD = {
    "good_count": Planted("", "", task=COUNT),
    "good_row": Planted("", "", task=ROW),
    "good_counts": Planted("", "", task=COUNT, **MANY),
    "good_rows": Planted("", "", task=ROW, **MANY),
    "good_locked": Planted("", "", task=ROW, locked=True),
}


@pytest.fixture(scope="module")
def found():
    return faults.verdicts(PLANTED | GOOD)


@pytest.mark.parametrize("planted", PLANTED)
def test_it_is_found(planted, found):
    assert PLANTED[planted].kind in found[planted], found[planted]


@pytest.mark.parametrize("planted", GOOD)
def test_a_good_game_is_acquitted(planted, found):
    assert found[planted] == {}


def test_the_page_has_a_line_for_each(found):
    page = faults.page({name: found[name] for name in PLANTED})
    assert page.count("\n| ") == len(PLANTED) + 2 and "**none**" not in page
    assert f"finds {len(PLANTED)} of them" in page.replace("\n", " ")
