"""What is wrong with a field of a body or query, in plain words: where it is, and what is expected there."""

from collections.abc import Mapping, Sequence
from typing import Any

from firstline.service.bodies import CLIENT_ID

LONGEST_NAME_CHARS = 80
LONGEST_CHARS = 300

_WORDS = {
    "missing": "it is missing; send it",
    "extra_forbidden": "it is not known here; leave it out",
    "string_type": "text is expected",
    "string_too_short": "{min_length:,} or more characters are expected",
    "string_too_long": "at most {max_length:,} characters are expected; shorten it",
    "too_short": "{min_length:,} or more characters are expected",  # of a text that `check_whole` has looked at
    "too_long": "at most {max_length:,} characters are expected; shorten it",
    "literal_error": "{expected} is expected",
    "int_type": "a whole number is expected",
    "int_from_float": "a whole number is expected",
    "int_parsing": "a whole number is expected",
    "int_parsing_size": "a smaller number is expected",
    "greater_than_equal": "{ge} or more is expected",
    "less_than_equal": "{le} or less is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "dict_type": "an object is expected",
    "model_type": "an object is expected",
    "value_error": "{error}",
}
"""By the kind of pydantic's findings."""
_PATTERNS = {CLIENT_ID: "1 to 128 of the characters A-Z, a-z, 0-9 and . _ : - are expected"}


def tell_invalid(found: Mapping[str, Any], place: Sequence[int | str]) -> str:
    """One finding of pydantic's as a sentence that names its field. A kind without words keeps the library's."""
    context: Mapping[str, Any] = found.get("ctx") or {}
    if found["type"] == "string_pattern_mismatch":
        said = _PATTERNS.get(context["pattern"], f"the form {context['pattern']} is expected")
    else:
        said = _WORDS.get(found["type"], "{msg}").format(**{**context, "msg": found["msg"]})
    where = ".".join(map(str, place))[:LONGEST_NAME_CHARS]
    told = f"{where}: {said}"[: LONGEST_CHARS - 1] + "."
    return told.encode("utf-8", "replace").decode()  # a name may hold half a character
