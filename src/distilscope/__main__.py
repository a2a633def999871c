"""`distilscope <command>`, also `python -m distilscope`: what people ask beside running a study."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from distilscope.auditing import asking
from distilscope.auditing.running import workflow_folder
from distilscope.commands import (
    accept,
    audit,
    configured,
    layers,
    orphans,
    pack,
    plan,
    verify,
    watch,
)
from distilscope.store import publishing

DEFAULT = Path("config/config.yaml")


def main(arguments: list[str] | None = None) -> int:
    """Run one command in the workflow's folder; the exit code."""
    given = _parser().parse_args(arguments)
    typed = ["distilscope", *(sys.argv[1:] if arguments is None else arguments)]
    try:
        if given.command == "audit":
            return audit.main(given, typed)
        root = workflow_folder()
        match given.command:
            case "summary":
                print(publishing.summary(configured.read(given.configuration or DEFAULT).study))
                return 0
            case "plan":
                return plan.main(given.configuration or DEFAULT, root)
            case "watch":
                return watch.main(given.configuration or DEFAULT, root, once=given.once)
            case "verify":
                return verify.main()
            case "clean-orphans":
                also = [given.configuration] if given.configuration else []
                return orphans.main(also, confirmed=given.yes)
            case "pack":
                return pack.main(given.configuration or DEFAULT)
            case "layers":
                return layers.main(given)
            case "accept":
                return accept.main(given.configuration or DEFAULT, root, given.why)
    except (ValueError, OSError) as fault:
        print(fault, file=sys.stderr)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return audit.UNJUDGED if given.command == "audit" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="distilscope", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(
        name: str, words: str, study: str = f"a study; {DEFAULT} if not given"
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words.partition(".")[0], description=words)
        made.add_argument("--configuration", type=Path, metavar="YAML", help=study)
        return made

    asking.add_arguments(command("audit", audit.WORDS, "an audit.yaml, in place of the options"))
    command("summary", "the table of a published study, and where its report is")
    command("plan", "what a run would do, and why")
    watching = command("watch", "how far a study is, and what its jobs do, until it is done")
    watching.add_argument("--once", action="store_true", help="say it once and end")
    command("verify", "every stored file against its digest")
    cleaning = command("clean-orphans", "list results that no configuration asks for")
    cleaning.add_argument("--yes", action="store_true", help="and remove them")
    command("pack", "a published study with its provenance in one file")
    layers.add(commands)
    accepting = command("accept", "carry results over after a refactor that changes none")
    accepting.add_argument("--why", required=True, help="why the results stand")
    return parser


if __name__ == "__main__":
    sys.exit(main())
