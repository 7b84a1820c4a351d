"""What the site has beside the pages of docs/: front pages of the repository, commands, routes, Python; all generated.

MkDocs calls the functions named ``on_...``. Links that leave docs/ lead to the pages and files made here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import routes
from mkdocs.structure.files import File, Files

import gliomics

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
FRONT = {
    "README.md": "start.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "sample_studies/README.md": "sample_studies.md",
    "examples": "examples.md",
}
"""What of the repository is a page of the site, and its name there."""
SECTIONS = {"sessions": "Start", "how_to": "How to", "reference": "Use", "models": "Models", "benchmarks": "Measured"}
"""Of the navigation, where a page of a folder stands that it does not name itself."""
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_CONTINUED = re.compile(r"^ {2,3}(?=\S)", re.MULTILINE)
"""What goes on in an item of a list: Python-Markdown wants four spaces where CommonMark takes two or three."""
_ROLE = re.compile(r":(?:class|func|meth|mod|data|attr|exc):(?=<code>)|(?<=<code>)~(?:\w+\.)+")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def on_config(config: Any) -> Any:
    """Name the pages of commands in the navigation, and of docs/ those that it does not name, by their folder."""
    reference = next(entry["Reference"] for entry in config.nav if "Reference" in entry)
    reference[1:1] = [{"Commands": [{f"gliomics {name}": f"commands/{name}.md"} for name in commands.names()]}]
    named = str(config.nav)
    for path in sorted(DOCS.rglob("*.md")):
        page = path.relative_to(DOCS)
        section = SECTIONS.get(page.parts[0], "Project")
        if f"'{page.as_posix()}'" not in named and page.parts[0] != "decisions":
            next(entry[section] for entry in config.nav if section in entry).append(page.as_posix())
    return config


def on_files(files: Files, *, config: Any) -> Files:
    """Add what is generated; decisions go under the page that lists them, files of data stay in the repository."""
    for name, page in FRONT.items():
        if (ROOT / name).is_file():
            files.append(_page(config, page, (ROOT / name).read_text(encoding="utf-8")))
    files.append(_page(config, "examples.md", _examples()))
    files.append(_page(config, "api.md", _api()))
    files.append(_page(config, "routes.md", routes.page()))
    files.append(
        File.generated(config, "style.css", content=(ROOT / "website" / "style.css").read_text(encoding="utf-8"))
    )
    for name in commands.names():
        files.append(_page(config, f"commands/{name}.md", commands.page(name)))
    for path in _linked_files():
        files.append(File.generated(config, f"repository/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Lead links that leave docs/ to what is made of their target."""
    source = next((name for name, made in FRONT.items() if made == page.file.src_uri), None)
    here = (ROOT / source if source else DOCS / page.file.src_uri).parent
    kept = _FENCE.findall(markdown)
    text = _CONTINUED.sub("    ", _FENCE.sub("\0", markdown))
    text = _LINK.sub(lambda link: link[1] + _target(link[2], here, page.file.src_uri) + link[3], text)
    return re.sub("\0", lambda _: kept.pop(0), text)


def on_page_content(html: str, *, page: Any, config: Any, files: Files) -> str:
    """Take the roles of Sphinx out of docstrings, which are written in its markup."""
    return _ROLE.sub("", html) if page.file.src_uri == "api.md" else html


def _page(config: Any, name: str, text: str) -> File:
    return File.generated(config, name, content=text)


def _target(target: str, here: Path, page: str) -> str:
    """A link of a page, whose text was written in the folder ``here``, as the site has it."""
    file, mark, anchor = target.partition("#")
    if not file or re.match(r"[a-z]+:", target):
        return target
    path = Path(os.path.normpath(here / file))
    if path.is_relative_to(DOCS):
        made = path.relative_to(DOCS).as_posix()
    else:
        inside = path.relative_to(ROOT).as_posix()
        made = FRONT.get(inside, f"repository/{inside}")
    return os.path.relpath(made, Path(page).parent) + mark + anchor


def _linked_files() -> list[str]:
    """Files of the repository outside docs/ that a page links to and that are no page of the site."""
    found: set[str] = set()
    pages = [ROOT / name for name in FRONT if name.endswith(".md")] + sorted(DOCS.rglob("*.md"))
    for page in pages:
        for _, target, _ in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
            path = Path(os.path.normpath(page.parent / target.partition("#")[0]))
            if path.is_file() and not path.is_relative_to(DOCS) and path.relative_to(ROOT).as_posix() not in FRONT:
                found.add(path.relative_to(ROOT).as_posix())
    return sorted(found)


def _examples() -> str:
    lines = ["# Examples in Python", "", "Each runs as it stands, in the folder of the repository.", ""]
    for path in sorted((ROOT / "examples").glob("*.py")):
        lines += [f"## {path.name}", "", "```python", path.read_text(encoding="utf-8").rstrip(), "```", ""]
    return "\n".join(lines)


def _api() -> str:
    homes: Callable[[str], str] = lambda name: getattr(getattr(gliomics, name), "__module__", "gliomics")  # noqa: E731
    lines = ["# Python", "", "The names of `import gliomics`. [A session](python.md) shows them at work.", ""]
    for name in gliomics.__all__:
        if not name.startswith("__"):
            lines += [f"::: {homes(name)}.{name}", ""]
    return "\n".join(lines)
