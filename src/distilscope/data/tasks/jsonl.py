"""Tasks from files: a line of JSON an item, with `question`, `answer`, `choices`, `rationale`."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distilscope.configuration.kinds import each_once
from distilscope.data.raw import BadData

KEYS = {"question": str, "answer": (str, int, float), "choices": list, "rationale": str}


@dataclass(frozen=True)
class Read:
    """An item of a file.

    Attributes:
        question, answer: texts; with choices the answer is one of them.
        choices: texts, or none. rationale: '' where there is none. line: in its file, from 1.
    """

    question: str
    answer: str
    choices: tuple[str, ...]
    rationale: str
    line: int

    @property
    def label(self) -> int:
        """Position of the right choice; -1 where there are none."""
        return self.choices.index(self.answer) if self.choices else -1


def read_jsonl(path: Path) -> list[Read]:
    """The items of a file, by line; empty lines are passed over.

    The answer of an item with choices is the text of one, its letter (A, B ...) or its position
    from 0; a whole number that is one's text and another's position is refused.

    Raises:
        BadData: the file is missing, empty or no JSON Lines; a key is missing, unknown or of
            another type; two choices are equal; the answer is none of them. File and line are
            named.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise BadData(f"{path}: there is no such file, expected items in JSON Lines") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: it can't be read as text in UTF-8 ({error})") from error
    found = [_item(f"{path}:{n}", line, n) for n, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise BadData(f"{path}: it has no item, expected a line of JSON for each")
    return found


def _item(where: str, line: str, number: int) -> Read:
    try:
        value = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
    except ValueError as error:
        raise BadData(f"{where}: it is no JSON ({error})") from None
    found = item(where, value, number)
    answer = value["answer"]
    meant = [found.answer, str(answer)]
    if isinstance(answer, int) and meant[0] != meant[1] and meant[1] in found.choices:
        raise BadData(
            f"{where}: the answer {answer} is the position of {meant[0]!r} and the text of another "
            f"choice; write the one that is meant as text: {' or '.join(map(json.dumps, meant))}"
        )
    return found


def item(where: str, value: Any, number: int) -> Read:
    """An item of its fields, as a line of a file has them.

    Args:
        where: its place, which messages begin with. number: of the line, from 1.

    Raises:
        BadData: as `read_jsonl`.
    """
    fields = _checked(where, value)
    choices = tuple(_text(where, "choices", each) for each in fields.get("choices") or ())
    if len(choices) == 1:
        raise BadData(f"{where}: one choice is no choice, expected two or more, or none")
    if len(choices) > len(string.ascii_uppercase):
        raise BadData(f"{where}: {len(choices)} choices, expected at most one a letter, A to Z")
    twice = sorted({each for each in choices if choices.count(each) > 1})
    if twice:
        raise BadData(f"{where}: choice {twice[0]!r} stands there twice, choices must differ")
    answer = fields["answer"]
    chosen = _chosen(where, answer, choices) if choices else _text(where, "answer", str(answer))
    question = _text(where, "question", fields["question"])
    rationale = (fields.get("rationale") or "").strip()
    try:
        "".join((question, chosen, *choices, rationale)).encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadData(
            f"{where}: it has a half of a character, {error.object[error.start]!a}, expected text "
            "in Unicode"
        ) from None
    return Read(question, chosen, choices, rationale, number)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that stands twice, Python takes the second in silence."""
    each_once([key for key, _ in pairs], "key")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _checked(where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadData(f"{where}: expected an object with {', '.join(KEYS)}, found {value!r:.40}")
    for key in ("question", "answer"):
        if key not in value:
            raise BadData(f"{where}: {key!r} is missing, it has {', '.join(value) or 'nothing'}")
    for key, found in value.items():
        if key not in KEYS:
            raise BadData(f"{where}: unknown key {key!r}, known are {', '.join(KEYS)}")
        optional = key in ("choices", "rationale") and found is None
        if not optional and (isinstance(found, bool) or not isinstance(found, KEYS[key])):
            raise BadData(f"{where}: {key!r} is {found!r:.40}, expected {_named(KEYS[key])}")
    return value


def _named(kinds: Any) -> str:
    several = kinds if isinstance(kinds, tuple) else (kinds,)
    words = {str: "text", int: "a whole number", float: "a number", list: "a list of texts"}
    return " or ".join(words[kind] for kind in several)


def _text(where: str, key: str, found: Any) -> str:
    if not isinstance(found, str) or not found.strip():
        raise BadData(f"{where}: {key!r} has {found!r:.40}, expected text that is not empty")
    return found.strip()


def _chosen(where: str, answer: Any, choices: tuple[str, ...]) -> str:
    """The choice that an answer means: of a whole number the one at that position, if there is one;
    else that of its text, before that of its letter.
    """
    letters = string.ascii_uppercase[: len(choices)]
    if isinstance(answer, int) and 0 <= answer < len(choices):
        return choices[answer]
    text = str(answer).strip()
    if text in choices:
        return text
    if len(text) == 1 and text in letters:
        return choices[letters.index(text)]
    raise BadData(
        f"{where}: the answer {answer!r} is none of the choices; expected a text of theirs, a "
        f"letter {letters[0]} to {letters[-1]} or a position 0 to {len(choices) - 1}"
    )
