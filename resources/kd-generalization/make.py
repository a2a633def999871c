"""Make tasks of the study's own files: AddSub and SingleEq, which the hub has under no known name.

    git clone https://github.com/LCS2-IIITD/KD_generalization
    python resources/kd-generalization/make.py KD_generalization data/kd-generalization

What comes out: `addsub.test.jsonl` and `singleeq.test.jsonl`, a line for each item with `question`
and `answer`. README.md beside this file says what is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TASKS = {"addsub": "AddSub", "singleeq": "SingleEq"}
"""Our name -> theirs."""


def main(repository: Path, folder: Path) -> None:
    """Write the tasks' files into a folder.

    Raises:
        SystemExit: the repository is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, theirs in TASKS.items():
        path = repository / "generative" / "dataset" / theirs / "test.json"
        if not path.is_file():
            raise SystemExit(f"there is no {path}: see the first lines of {__file__}")
        rows = json.loads(path.read_text(encoding="utf-8"))
        items = ({"question": r["instruction"], "answer": r["answer"]} for r in rows)
        text = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items)
        made = folder / f"{name}.test.jsonl"
        made.write_text(text, encoding="utf-8")
        print(f"{made}: {len(rows)} items")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
