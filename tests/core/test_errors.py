"""Messages repeat nothing that may be of a person."""

import pytest

from cckit.core import commands as c
from cckit.core.engine import InvariantBroken
from cckit.core.errors import Refused, raised, repeated
from cckit.core.ids import ContactId
from cckit.core.machine import MachineFailed
from tests.stage import Stage

NUMBER = "+4915112345"


@pytest.mark.parametrize("kind", ["agent", "queue"])
def test_a_number_typed_in_the_wrong_field_is_not_repeated(kind: str) -> None:
    stage = Stage().queue().agent("anne")
    stage.call("x")
    stage.talk("x")
    refused = stage.do(c.Transfer(ContactId("x"), kind, NUMBER))
    assert isinstance(refused, Refused) and refused.reason == f"{kind}.unknown"
    assert NUMBER not in str(refused) and f"no {kind} of this name" in refused.what


def test_a_name_that_is_no_number_is_repeated() -> None:
    assert repeated("nobody") == "'nobody'"
    assert repeated("second2") == "'second2'"
    assert repeated("dan@example.org") == repeated("0151 12345") == "of this name"


def test_of_what_went_wrong_a_message_says_the_type_and_where() -> None:
    def fails() -> None:
        raise ValueError(NUMBER)

    with pytest.raises(ValueError, match="491511") as caught:
        fails()
    assert raised(caught.value).startswith("ValueError in fails, line ")
    assert raised(ValueError(NUMBER)) == "ValueError"
    assert NUMBER not in str(MachineFailed("notes", caught.value))
    assert "notes" in str(MachineFailed("notes", caught.value))
    assert "decide" in str(InvariantBroken("decide", "Hold", raised(caught.value)))
