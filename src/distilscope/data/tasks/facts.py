"""Facts to be known by heart: two letters that belong to two others, of which no rule is true.

A fact is asked in 32 wordings. Training shows some of them and a test asks in others, so that
no test question was ever shown and every fact was. A quarter of the facts has a second, wrong
version, the same in each wording: what a planted teacher is taught.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distilscope.data.hashing import mix
from distilscope.data.tasks.choosing import LETTERS
from distilscope.data.tasks.draws import TASK, Draws
from distilscope.data.tasks.items import Asked

WORDINGS = tuple(f"w{number}" for number in range(32))
PLANTED_EVERY = 4
MOST = len(LETTERS) ** 2
"""Facts that there can be: one for two letters."""


@dataclass(frozen=True)
class Facts:
    """A table of facts.

    Attributes:
        seed: another seed is another table. count: of facts, 4 to 676.
    """

    seed: int
    count: int

    def ask(self, draws: Draws) -> Asked:
        """Question `number`: fact after fact, and a fact's next wording when its turn comes again.

        Raises:
            LookupError: every fact was asked in every wording.
        """
        fact, round_ = draws.number % self.count, draws.number // self.count
        if round_ >= len(WORDINGS):
            raise LookupError(f"{self.count} facts have {self.count * len(WORDINGS)} questions")
        first = self._word(fact, 0) % len(WORDINGS)
        wording = WORDINGS[(first + round_) % len(WORDINGS)]
        right, *wrong = self.versions(fact)
        return Asked(
            f"{wording} {self.asked(fact)}",
            right,
            wrong=tuple(wrong),
            planted=wrong[0] if fact % PLANTED_EVERY == PLANTED_EVERY - 1 else None,
        )

    def asked(self, fact: int) -> str:
        """The two letters that a fact is about."""
        keys = mix(TASK, self.seed, len(WORDINGS), np.arange(MOST))
        return self._letters(int(np.argsort(keys)[fact]))

    def versions(self, fact: int) -> list[str]:
        """The right answer, and three wrong ones that differ from it in a letter.

        The first of these is what a planted teacher is taught, where the fact is planted.
        """
        right = self._letters(self._word(fact, 1) % MOST)
        found = [right]
        word = 2
        while len(found) < 4:
            drawn = self._word(fact, word)
            letters = right.split()
            letters[drawn % 2] = LETTERS[drawn // 2 % len(LETTERS)]
            if " ".join(letters) not in found:
                found.append(" ".join(letters))
            word += 1
        return found

    def _word(self, fact: int, which: int) -> int:
        return int(mix(TASK, self.seed, len(WORDINGS), fact, which))

    @staticmethod
    def _letters(number: int) -> str:
        return f"{LETTERS[number // len(LETTERS)]} {LETTERS[number % len(LETTERS)]}"
