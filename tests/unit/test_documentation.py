"""What README and docs say can be done: commands that parse, routes that exist, links that lead somewhere."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi import FastAPI

from gliomics.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
BEFORE = r"(?:torchrun [-\w ]+ --no-python |(?:sudo -u \w+ )?[\w./]*/bin/)?"
"""What may stand in front of a command: what starts it, as whom, and where it lies."""
COMMAND = re.compile(rf"^\s*(?:\$ )?{BEFORE}(gliomics( [^#]*)?)(#.*)?$")
OF_OTHERS = {"--help", "--build-arg", "--conf", "--no-deps", "--parts", "--profile", "--torch-backend"}
"""Options of other programs (Docker, pip, uv, scripts that make pictures) that pages name alone."""
LEFT_OUT = {"MissingParameter", "NoArgsIsHelpError"}
"""What the parser raises of arguments that are not there; its library is Typer's own."""


def parts(page: Path) -> tuple[str, list[str]]:
    """The text of a page, and its code blocks of no language or of the shell's."""
    text: list[str] = []
    blocks: list[str] = []
    language: str | None = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            language = line.strip()[3:].strip() if language is None else None
            blocks += [] if language is None else [""]
        elif language is None:
            text.append(line)
        elif language in ("", "sh", "bash", "console", "text"):
            blocks[-1] += line + "\n"
    return "\n".join(text), blocks


def commands(page: Path) -> list[str]:
    """Every ``gliomics ...`` line of a page's code blocks, as one would type it; continued lines are joined."""
    found = []
    for block in parts(page)[1]:
        text = re.sub(r"\\\n\s*", " ", block)
        text = re.sub(r"\n\s+(?=\[?--)", " ", text)  # a synopsis goes on with its options on the next line
        found += [match[1].strip() for line in text.splitlines() if (match := COMMAND.match(line))]
    return found


def in_prose(page: Path) -> list[str]:
    """Every code in the lines of a page, none of its blocks."""
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", parts(page)[0])]


ALL = [(page.relative_to(ROOT).as_posix(), command) for page in PAGES for command in commands(page)]
NAMED = [
    (page.relative_to(ROOT).as_posix(), code)
    for page in PAGES
    for code in in_prose(page)
    if re.match(rf"{BEFORE}gliomics [a-z]", code)
]
ROOT_COMMAND = typer.main.get_command(app)


@pytest.mark.parametrize(("page", "command"), ALL)
def test_documented_command_parses(page: str, command: str) -> None:
    """A synopsis is tried with everything that it has in brackets, and N for a number."""
    check(ROOT_COMMAND, "gliomics", arguments(command), elided=command.endswith(" ..."))


@pytest.mark.parametrize(("page", "command"), sorted(set(NAMED)))
def test_command_that_prose_names_is_there_with_its_options(page: str, command: str) -> None:
    """Prose leaves arguments and values out; what it does not leave out parses."""
    check(ROOT_COMMAND, "gliomics", arguments(command), elided=True)
    if " ..." not in command:
        try:
            check(ROOT_COMMAND, "gliomics", valued(arguments(command)), elided=False)
        except Exception as error:
            if type(error).__name__ not in LEFT_OUT:
                raise


def arguments(command: str) -> list[str]:
    """The words after the command's name, as its parser gets them."""
    command = re.sub(r"[\[\]]|\.\.\.", " ", command)
    words = shlex.split(command.split("|")[0].split(" > ")[0])
    name = next(number for number, word in enumerate(words) if Path(word).name == "gliomics")
    return ["1" if word == "N" else word for word in words[name + 1 :]]


def valued(words: list[str]) -> list[str]:
    """The words without an option at their end, whose value prose leaves out."""
    return words[:-1] if words[-1].startswith("--") else words


def check(command: Any, name: str, arguments: list[str], *, elided: bool) -> None:
    """Parse a command line through the groups of commands and run nothing; of an ``elided`` one, only its options."""
    if hasattr(command, "resolve_command") and (arguments or not elided):
        found, chosen, left = command.resolve_command(command.make_context(name, arguments[:1]), arguments)
        check(chosen, found, left, elided=elided)
    elif elided:
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known
    else:
        command.make_context(name, arguments)


def every_option(command: Any) -> set[str]:
    """The options of a command, or of all commands of a group, that are shown."""
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*(every_option(each) for each in getattr(command, "commands", {}).values() if not each.hidden))


def test_option_that_prose_names_alone_is_one_of_some_command() -> None:
    """On pages about what is measured, options are those of scripts."""
    alone = {
        (page.relative_to(ROOT).as_posix(), option)
        for page in PAGES
        if page.parent.name != "benchmarks"
        for code in in_prose(page)
        if code.startswith("--")
        for option in re.findall(r"(?<![\w-])--[a-z][-a-z0-9]+", code)
    }
    assert sorted(each for each in alone if each[1] not in every_option(ROOT_COMMAND) | OF_OTHERS) == []


def test_every_option_is_documented() -> None:
    """``--browser`` is what happens without ``--no-browser``."""
    written = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    options = {option for option in every_option(ROOT_COMMAND) if option.startswith("--")} - {"--browser"}
    assert sorted(each for each in options if not re.search(rf"{re.escape(each)}(?![\w-])", written)) == []


def test_commands_that_the_program_names_itself_are_there() -> None:
    """In its errors, help and panel; a word in braces is put in when it is said."""
    files = [
        *(ROOT / "lib").rglob("*.py"),
        *(ROOT / "slicer_extension").rglob("*.py"),
        *(ROOT / "examples").glob("*.py"),
    ]
    said = {
        (path.relative_to(ROOT).as_posix(), " ".join(match[1].split()))
        for path in files
        for match in re.finditer(
            r"[`'\"]gliomics ([a-z][-a-z]*(?: [^`'\"\\{]*)?)(?=[`'\"\\{])", path.read_text(encoding="utf-8")
        )
    }
    names = {name for name, _ in ROOT_COMMAND.commands.items()}  # type: ignore[attr-defined]
    assert sorted(each for each in said if each[1].split()[0] not in names) == []
    for _path, words in said:
        check(ROOT_COMMAND, "gliomics", re.sub(r"[],;:([]", " ", words).split(), elided=True)


def test_documentation_has_the_commands_that_it_is_about() -> None:
    """The lines above are found: every command but the hidden ones is shown somewhere."""
    listed = {name for name, command in typer.main.get_command(app).commands.items() if not command.hidden}  # type: ignore[attr-defined]
    shown = {shlex.split(command)[1] for _, command in ALL if len(shlex.split(command)) > 1}
    assert shown >= listed - {"demo", "make-samples"}  # `make demo` is the one, the sample studies the other


def test_every_link_leads_to_a_file_and_its_heading() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", parts(page)[0]):
            file, _, anchor = target.partition("#")
            path = (page.parent / file).resolve() if file else page
            if re.match(r"https?:|mailto:", target):
                continue
            if not path.exists() or (anchor and anchor not in anchors(path)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors that headings get: small letters, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ +(.*)$", parts(page)[0], re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


def test_every_documented_route_exists() -> None:
    from gliomics.server.routes import router

    stock = [importlib.import_module("monailabel.endpoints.batch_infer").router]
    app = FastAPI()
    for one in (router, *stock):
        app.include_router(one)
    routes = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    routes |= {("GET", path) for path in ("/", "/docs", "/openapi.json")}
    patterns = [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path))) for method, path in routes]
    missing = []
    for page in PAGES:
        for methods, path in re.findall(
            r"`((?:GET|PUT|POST|DELETE|HEAD|, )+) (/[^`\s]*)`", page.read_text(encoding="utf-8")
        ):
            concrete = re.sub(r"\{\w+\}|ID", "x", path.partition("?")[0])
            for method in methods.split(", "):
                if not any(method == known and pattern.fullmatch(concrete) for known, pattern in patterns):
                    missing.append(f"{page.relative_to(ROOT)}: {method} {path}")
    assert missing == []


def test_readme_leads_to_an_index_that_names_every_page() -> None:
    docs = ROOT / "docs"
    assert "(docs/index.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    index = (docs / "index.md").read_text(encoding="utf-8")
    records = set((docs / "decisions").glob("[0-9]*.md"))
    pages = [page.relative_to(docs).as_posix() for page in set(docs.rglob("*.md")) - records - {docs / "index.md"}]
    assert [page for page in pages if f"({page}" not in index] == []
    decisions = (docs / "decisions" / "README.md").read_text(encoding="utf-8")
    assert [record.name for record in records if f"({record.name})" not in decisions] == []


MODULE = re.compile(r"tests[./][\w./]+\w")


def test_every_module_of_tests_that_a_page_names_is_there() -> None:
    named = {(page.name, name) for page in PAGES for name in MODULE.findall(page.read_text(encoding="utf-8"))}
    named -= {("CONTRIBUTING.md", "tests/unit/PATH")}
    assert [(page, name) for page, name in sorted(named) if not module(name).exists()] == []


def module(name: str) -> Path:
    """The file or folder of ``tests.benchmarks.faults`` or ``tests/benchmarks/faults.py``."""
    path = ROOT / name
    return path if path.exists() else (ROOT / name.replace(".", "/")).with_suffix(".py")


def test_benchmarks_are_listed_with_commands_that_parse() -> None:
    """One table has them all: the pages of figures, and every benchmark that pytest or Python runs."""
    text = (ROOT / "docs" / "benchmarks" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"`((?:gliomics|python) [^`]+)`", text)
    assert len(listed) > 40
    for command in listed:
        program, *arguments = shlex.split(command)
        if program == "gliomics":
            elided = arguments[-1] == "..."
            check(typer.main.get_command(app), program, arguments[: len(arguments) - elided], elided=elided)
    pages = [page.name for page in (ROOT / "docs" / "benchmarks").glob("*.md") if page.name != "README.md"]
    assert [page for page in pages if f"({page}" not in text] == []
    runnable = [path for path in (ROOT / "tests" / "benchmarks").glob("*.py") if path.stem not in NOT_BENCHMARKS]
    assert len(runnable) > 30
    assert [path.name for path in runnable if path.stem not in text] == []


NOT_BENCHMARKS = {
    *("__init__", "retraining", "sample_server", "parts_data"),  # what others share
    *("faults", "plain_features", "pictologics_features"),  # processes that others start
    "pack_model",  # makes what ships
}
