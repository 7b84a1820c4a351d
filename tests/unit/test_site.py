"""The documentation as a site: built without a warning, asking nothing of other hosts, answering what users search."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import gliomics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The site; a link to a page or heading that is not there, or a page outside the navigation, ends the build."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    modules = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        config = load_config(str(ROOT / "website" / "mkdocs.yml"), site_dir=str(folder))
        build(config)
        yield folder
    for name in {"commands", "routes", "hooks"} - modules:
        sys.modules.pop(name, None)


@dataclass(frozen=True)
class Section:
    """What the search knows of a heading and what stands below it."""

    page: str
    text: str
    words: Counter[str]
    title: Counter[str]


@pytest.fixture(scope="module")
def sections(site: Path) -> list[Section]:
    entries = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    texts = [" ".join(re.sub(r"<[^>]+>", "", entry["text"]).split()) for entry in entries]
    return [
        Section(entry["location"].partition("#")[0], text, words(text), words(entry["title"]))
        for entry, text in zip(entries, texts, strict=True)
    ]


def test_site_asks_nothing_of_other_hosts(site: Path) -> None:
    loads = re.compile(
        r"""(?:<(?:script|img|iframe|source)[^>]*\ssrc=|<link[^>]*\shref=)["']?((?:https?:)?//[^"'\s>]+)"""
    )
    asked = {
        (page.name, address)
        for page in site.rglob("*.html")
        for address in loads.findall(page.read_text(encoding="utf-8"))
    }
    asked |= {
        (sheet.name, address)
        for sheet in site.rglob("*.css")
        for address in re.findall(
            r"(?:url\(|@import )[\"']?((?:https?:)?//[^\"')]+)", sheet.read_text(encoding="utf-8")
        )
    }
    assert asked == set()
    assert len(list(site.rglob("*.html"))) > 80


def test_commands_routes_and_names_are_generated(site: Path) -> None:
    cohort = (site / "commands" / "cohort.html").read_text(encoding="utf-8")
    assert "--other-masks" in cohort
    assert "gliomics cohort survival" in cohort
    assert "PUT /datastore/label/review" in (site / "routes.html").read_text(encoding="utf-8")
    names = (site / "api.html").read_text(encoding="utf-8")
    assert [name for name in gliomics.__all__ if not name.startswith("__") and f'.{name}"' not in names] == []


@pytest.mark.parametrize(
    ("question", "page", "answer"),
    [
        ("how do I import BraTS data", "faq.html", "gliomics import FOLDER my_studies"),
        ("why is my estimate withheld", "faq.html", "the intervals of the classes overlap"),
        ("how do I move a model to another computer", "how_to/move_a_model.html", "gliomics models add"),
        ("what does coc2 mean", "glossary.html", "clusters of clusters"),
        ("back up and restore", "how_to/team.html", "Copy the whole folder of studies"),
        ("reverse proxy TLS certificate", "how_to/team.html", "--tls-certificate"),
        ("roll back a worse model", "how_to/team.html", "gliomics models rollback"),
        ("train on a GPU", "how_to/gpu.html", "nvidia-smi"),
        ("harmonise scanners ComBat", "reference/cohort.html", "gliomics cohort harmonise"),
        ("SLURM cluster", "reference/cluster.html", "SLURMCluster"),
        ("how much memory and disk does it need", "faq.html", "4 GB of memory for a server"),
        ("does it work on glioblastoma, children, after surgery", "faq.html", "None has seen a child"),
        ("how do I delete a patient", "faq.html", ".gliomics/removed/"),
        ("compare two examinations, has the tumour grown", "faq.html", "gliomics delta"),
        ("radiomics features in Excel", "faq.html", "--formats xlsx"),
        ("anonymise DICOM patient names", "faq.html", "birth dates and most headers are not copied"),
        ("send masks to PACS", "faq.html", "DICOM Segmentation"),
        ("server does not start, port in use", "faq.html", "--port 8001"),
        ("agreement between two annotators", "faq.html", "STAPLE"),
        ("licence for commercial use", "faq.html", "Apache License 2.0"),
        ("train my own model from my labels", "sessions/own_model.html", "too few patients to tell"),
        ("which benchmark, with its command", "benchmarks/index.html", "make bench"),
    ],
)
def test_question_is_answered_by_the_first_pages_of_the_search(
    sections: list[Section], question: str, page: str, answer: str
) -> None:
    assert page in first_pages(sections, question)
    assert answer in " ".join(section.text for section in sections if section.page == page)


def first_pages(sections: list[Section], question: str, most: int = 3) -> list[str]:
    """The pages with the sections that fit best, by the formula of the site's engine: BM25, titles before texts."""
    mean = sum(section.words.total() for section in sections) / len(sections)
    scores = [0.0] * len(sections)
    for word in words(question):
        having = sum(word in section.words for section in sections)
        weight = math.log(1 + (len(sections) - having + 0.5) / (having + 0.5))
        for place, section in enumerate(sections):
            count, long = section.words[word], 1.2 * (0.25 + 0.75 * section.words.total() / mean)
            scores[place] += weight * (2.2 * count / (count + long) + 10 * (word in section.title))
    best = sorted(range(len(sections)), key=lambda place: -scores[place])
    return list(dict.fromkeys(sections[place].page for place in best))[:most]


def words(text: str) -> Counter[str]:
    """Lower-case words without endings and those that say nothing."""
    plain = re.findall(r"[a-z0-9]+", text.lower())
    return Counter(re.sub(r"(ing|s|e)$", "", word) for word in plain if word not in _NOTHING)


_NOTHING = {"a", "an", "and", "another", "do", "does", "how", "i", "is", "my", "of", "on", "the", "to", "what", "why"}
