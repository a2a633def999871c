"""Edits of a small study of language models, each with the exact jobs that it must plan."""

from __future__ import annotations

from .editing import CHECK, OF_WORDS, Edit, aggregation, both, compared, put, texts

EXPERT, EXPERT_TWIN = "expert-s1", "expert-s2"
TAUGHT, UNTAUGHT = "small-kd-T1-a1-s1", "small-ce-s1"

OF_TEXTS = [
    Edit(
        "a teacher of texts: students on labels only are compared anew and answer as they did",
        put("recipes", "teacher", "epochs", 3),
        [f"model {EXPERT}", f"model {EXPERT_TWIN}", f"targets {EXPERT}", f"model {TAUGHT}"]
        + [f"observation {m}" for m in (EXPERT, EXPERT_TWIN, TAUGHT)]
        + compared([EXPERT_TWIN, TAUGHT, UNTAUGHT], EXPERT)
        + CHECK
        + aggregation("texts"),
        first=texts,
        real=True,
    ),
    Edit(
        "another teacher of students on labels only: none of them answers anew",
        put("grid", 0, "teachers", ["expert", "other"]),
        ["targets other-s3", f"model {TAUGHT}", f"observation {TAUGHT}"]
        + [f"comparison {m}-vs-other-s3" for m in (TAUGHT, UNTAUGHT)]
        + aggregation("texts"),
        first=both(
            texts,
            put("teachers", "other", {**OF_WORDS, "recipe": "teacher", "seeds": [3]}),
            put("grid", 0, "teachers", ["expert"]),
        ),
    ),
]
