"""What the documents, docstrings and comments mention exists: by the file system, `ast`, and the
JSON schema of a configuration."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from distilscope import registry
from distilscope.planning.artefact import FOLDERS

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/distilscope"
SCHEMA = json.loads((ROOT / "workflow/schemas/configuration.schema.json").read_text())

PAGES = [
    *sorted(ROOT.glob("docs/**/*.md")),
    *(ROOT / name for name in ("config/README.md", "README.md")),
]
MODULES = sorted([*SOURCE.rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
OTHERS = [ROOT / "Snakefile", *sorted(ROOT.glob("rules/*.smk")), *sorted(ROOT.glob("workflow/*/*"))]
FILES = ("py", "md", "smk", "yaml", "yml", "json", "toml", "txt", "png", "sh", "rst", "html", "npz")
TOP = "docs|config|tests|rules|workflow|profiles|resources|benchmarks|envs|src"


FOREIGN = {
    *("workflow.global_resources", "workflow.remote_exec", "workflow.executor_plugin"),
    "mutual_info_classif",
    *("workflow.remote_execution_settings", "slurm_partition", "transform_input"),
    *("img_size", "drop_rate"),
}
"""Names of other programs."""


# ------------------------------------------------------------------------------- what is mentioned


def prose_of(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page that are no example."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced:
            yield number, line


def said_in(module: Path) -> Iterator[tuple[int, str]]:
    """The docstrings and comments of a module, line by line."""
    text = module.read_text()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ):
            for number, line in enumerate(node.value.value.splitlines()):
                yield node.lineno + number, line
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*# ", line):
            yield number, line


def comments_of(file: Path) -> Iterator[tuple[int, str]]:
    """The comments of a rule or a script; of a template, every line."""
    for number, line in enumerate(file.read_text().splitlines(), 1):
        if "#" in line or file.suffix == ".rst":
            yield number, line[line.find("#") + 1 :]


@cache
def mentions() -> list[tuple[str, str]]:
    """Where, and the line that says something."""
    found = []
    for files, lines in ((PAGES, prose_of), (MODULES, said_in), (OTHERS, comments_of)):
        for file in files:
            found += [(f"{file.relative_to(ROOT)}:{n}", line) for n, line in lines(file)]
    return found


def quoted() -> Iterator[tuple[str, str]]:
    """Where, and what stands there between backticks."""
    for where, line in mentions():
        for text in re.findall(r"`([^`]+)`", line):
            yield where, text


# ------------------------------------------------------------------------------------- what exists


def missing_files(where: str, line: str) -> list[str]:
    """The files of this repository that a line names and that are not there.

    A path is relative to the repository, the package, `tests/` or `config/`.
    """
    extensions = "|".join(FILES)
    whole = re.findall(rf"(?<![\w./-])((?:{TOP})/[\w./-]+\.(?:{extensions}))\b", line)
    short = re.findall(rf"`([a-z_]+/[\w/]+\.(?:{extensions}))`", line)
    links = re.findall(r"\]\((?!http)([^)#]+)", line)
    page = (ROOT / where.rpartition(":")[0]).parent
    return [
        *(path for path in {*whole, *short} if not any((at / path).exists() for at in PLACES)),
        *(path for path in links if not (page / path).exists()),
    ]


PLACES = (ROOT, SOURCE, ROOT / "tests", ROOT / "config")


@cache
def defined_in(module: Path) -> frozenset[str]:
    """The names of a module: functions, classes and their members, and what is assigned."""
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.ImportFrom) and module.name == "__init__.py":
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
    return frozenset(names)


ROOMS = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
ROOMS |= {path.stem for path in SOURCE.glob("*.py") if path.stem.isidentifier()}


def is_of_a_module(dotted: str) -> bool:
    """Whether a dotted name is a module of the package, or a name of one."""
    at, names = SOURCE, re.split(r"[.:]", dotted.removeprefix("distilscope."))
    while names and (at / names[0]).is_dir():
        at, names = at / names[0], names[1:]
    if names and (at / f"{names[0]}.py").exists():
        at, names = at / f"{names[0]}.py", names[1:]
    module = at if at.is_file() else at / "__init__.py"
    return module.exists() and set(names) <= defined_in(module)


def properties(schema: dict) -> dict[str, list[dict]]:
    """The keys that a schema has, in any of its alternatives, each with its own schemas."""
    found: dict[str, list[dict]] = {}
    if "$ref" in schema:
        schema = {**schema, **SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]}
    alternatives = [*schema.get("anyOf", []), *schema.get("oneOf", []), schema.get("items")]
    alternatives += [schema.get("additionalProperties")]
    alternatives += schema.get("patternProperties", {}).values()
    for alternative in alternatives:
        for name, inner in properties(alternative).items() if isinstance(alternative, dict) else ():
            found.setdefault(name, []).extend(inner)
    for name, inner in schema.get("properties", {}).items():
        found.setdefault(name, []).append(inner)
    return found


def is_a_key(dotted: str) -> bool:
    """Whether a configuration has that key."""
    schemas = [SCHEMA]
    for name in dotted.replace("[]", "").split("."):
        schemas = [inner for schema in schemas for inner in properties(schema).get(name, [])]
    return bool(schemas)


# ------------------------------------------------------------------------------------------- tests


def test_every_file_that_is_mentioned_exists():
    found = [(where, path) for where, line in mentions() for path in missing_files(where, line)]
    assert found == []


def test_every_test_that_is_mentioned_exists():
    tests = {name for path in ROOT.glob("tests/**/*.py") for name in defined_in(path)}
    files = {path.name for path in ROOT.glob("tests/**/*.py")}
    found = [
        (where, name)
        for where, text in quoted()
        if where.startswith("docs/")
        for name in re.findall(r"\btest_\w+(?:\.py)?", text)
        if name not in (files if name.endswith(".py") else tests) and f"{name}.py" not in files
    ]
    assert found == []


def test_every_module_and_key_that_is_mentioned_exists():
    """A dotted name that begins with a room, or with a key that has keys, or that is a job."""
    dotted = re.compile(r"[a-z_]+(?:[.:][A-Za-z_]\w*)+(?=$|\()")
    endings = tuple(f".{ending}" for ending in (*FILES, "parquet", "safetensors", "npy", "svg"))
    sections = {name for name, inner in properties(SCHEMA).items() if any(map(properties, inner))}
    begins = ROOMS | sections | set(properties(SCHEMA["$defs"]["Analyses"])) | {"measures"}
    found = []
    for where, text in quoted():
        match = dotted.match(text)
        if match is None or match[0].endswith(endings) or match[0] in FOREIGN:
            continue
        first = re.split(r"[.:]", match[0].removeprefix("distilscope."))[0]
        asked = first in begins or (where.startswith("docs/architecture") and text.count(".") > 1)
        key = is_a_key(match[0]) or is_a_key(f"analyses.{match[0]}")
        if asked and not (is_of_a_module(match[0]) or key):
            found.append((where, text))
    assert found == []


def test_every_target_and_command_that_is_mentioned_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = (SOURCE / "__main__.py").read_text()
    unknown = []
    for where, text in quoted():
        unknown += [(where, t) for t in re.findall(r"\bmake ([a-z-]+)", text) if t not in targets]
        for name in re.findall(r"python -m distilscope ([a-z-]+)", text):
            unknown += [] if f'case "{name}"' in commands else [(where, name)]
    assert unknown == []


CONFIGURATION = ROOT / "config/README.md"


@cache
def explained() -> list[tuple[int, str, frozenset[str]]]:
    """The keys in the first columns of the tables of config/README.md: line, key, full keys.

    A table stands under a heading of the keys that its own are below.
    """
    found, above = [], None
    for number, line in prose_of(CONFIGURATION):
        if line.startswith("#"):
            names = re.findall(r"`([^`]+)`", line)
            above = names if names or line == "## The study" else None
        if above is not None and line.startswith("| `"):
            keys = re.findall(r"`([^`]+)`", line.split("|")[1])
            for key in (k if not k.startswith(".") else _beside(keys[0], k) for k in keys):
                own = [f"{name}.{key}" for name in above if is_a_key(f"{name}.{key}")]
                found.append((number, key, frozenset(own or filter(is_a_key, [key]))))
    return found


def _beside(first: str, key: str) -> str:
    """`.y` behind `x.z` is `x.y`."""
    return first.rpartition(".")[0] + key


def test_every_key_that_is_explained_exists():
    assert len(explained()) > 90
    assert [(number, key) for number, key, keys in explained() if not keys] == []


def all_keys(schema: dict, path: str = "") -> Iterator[str]:
    """Every key of a configuration with those that it stands below."""
    for name, inner in properties(schema).items():
        yield (at := f"{path}{name}")
        for each in inner:
            yield from all_keys(each, f"{at}.")


def test_every_key_is_explained():
    """Where a key has keys of its own, these are."""
    given = {full.replace("[]", "") for _, _, keys in explained() for full in keys}
    keys = set(all_keys(SCHEMA))
    leaves = {key for key in keys if not any(other.startswith(f"{key}.") for other in keys)}
    covered = {key for key in leaves if any(key == g or key.startswith(f"{g}.") for g in given)}
    assert leaves - covered == set()


PREFIXES = "null_other_|null_|gaussian_|edges_|own_|all_|reference_|mutual_"
"""Of measures and columns that are made from others' names."""


@cache
def words() -> frozenset[str]:
    """Every word of the code, without what it says of itself, and of what is beside it."""
    found: set[str] = set()
    rooms = ("src", "tests", "benchmarks", "workflow")
    for path in (path for room in rooms for path in (ROOT / room).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        said = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        for node in nodes:
            fields = () if id(node) in said else ast.iter_fields(node)
            found |= {value for _, value in fields if isinstance(value, str)}
    text = " ".join(found)
    for pattern in ("Snakefile", "Makefile", "pyproject.toml", "rules/*", "profiles/*/*.yaml"):
        text += " ".join(path.read_text() for path in ROOT.glob(pattern))
    for pattern in ("src/**/*.html", "src/**/*.j2", "config/**/*.yaml", "resources/*/*.yaml"):
        text += " ".join(path.read_text() for path in ROOT.glob(pattern))
    declared = {name for each in registry.analyses().values() for name in each.measures}
    return frozenset(re.findall(r"\w+", text)) | declared


def test_every_name_that_is_mentioned_is_a_word_of_the_code():
    """Columns, parameters, rules and settings: names with an underscore."""
    assert len(words()) > 5000
    found = []
    for where, text in quoted():
        for name in re.findall(r"(?<![\w./-])[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?![\w./-])", text):
            stem = re.sub(r"\d+$", "", re.sub(f"^(?:{PREFIXES})", "", name))
            if not {name, stem} & words() and name not in FOREIGN:
                found.append((where, name))
    assert found == []


def test_the_walk_from_the_configuration_to_a_figure_names_each_file_once():
    page = (ROOT / "docs/architecture.md").read_text()
    walk = page.partition("from the YAML to a figure\n")[2].partition("\n## ")[0]
    files = re.findall(r"`([\w/]+\.(?:py|smk|yaml))`", walk)
    assert len(files) > 15 and len(set(files)) == len(files)
    at = [next(found for place in PLACES if (found := place / f).exists()) for f in files]
    spelling = [path.name for path in at if re.search(r"[\"'\[ ]T[\"':\]]", path.read_text())]
    assert spelling == ["config.yaml", "kd.py", "sweeps.py"]


def test_every_artefact_and_every_table_of_an_analysis_is_described():
    page = (ROOT / "docs/architecture.md").read_text()
    tables = {table for analysis in registry.analyses().values() for table in analysis.tables}
    assert {name for name in tables if f"`{name}.parquet`" not in page} == set()
    headings = set(re.findall(r"^### `([a-z-]+)/", page, re.MULTILINE))
    assert headings == set(FOLDERS.values())


EXAMPLES = [path for path in MODULES if ">>> " in path.read_text()]


@pytest.mark.parametrize("module", EXAMPLES, ids=lambda path: path.stem)
def test_examples_in_docstrings_are_true(module):
    name = ".".join(module.relative_to(SOURCE.parent).with_suffix("").parts)
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


@pytest.mark.parametrize("name", ["planning.study:Study", "models.sources.load", "analyses.parts"])
def test_a_name_that_exists_is_found(name):
    assert is_of_a_module(name)


@pytest.mark.parametrize("name", ["planning.nothing", "models.sources.stored", "distilscope.house"])
def test_a_name_that_does_not_exist_is_not(name):
    assert not is_of_a_module(name)


def test_keys_are_told_from_names_that_are_none():
    assert is_a_key("observe.subset.images") and is_a_key("analyses.shortcuts.planted.plantings")
    assert not is_a_key("measures.seed") and not is_a_key("observe.subset.pictures")
