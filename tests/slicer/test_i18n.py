"""Every text that a user may see can be translated, as 3D Slicer's tools find and replace it.

Texts of a server, and those of ``gliomics`` in this process, are in the language in which they are written.
"""

from __future__ import annotations

import ast
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from harness import EXTENSION, i18n

LIBRARY = EXTENSION / "RadiogenomicsLib"
NAMES = {
    "Radiogenomics",
    "Gliomics maintainers",
    "gliomics: {}",
    "Conversion method",
    "not known",
    "no server",
    "Level tracing",
    "Grow from seeds",
    "Fill between slices",
    # nodes that are found by their names, and columns that programs read
    "Radiomics features",
    "Radiomics features on display",
    "{}: {}, all parts",
    "all parts",
    "Measured on",
    "Key features among the training patients",
    "One feature among the training patients",
    # codes
    "SCT^49755003^Morphologically Altered Structure",
    "Anatomic codes - DICOM master list~SCT^12738006^Brain~^^",
    "Segmentation category and type - DICOM master list",
    "Anatomic codes - DICOM master list",
    "NCIt^C113842^Enhancing Lesion",
}
"""What is the same in every language."""
CODE = sorted(path for path in (EXTENSION / "Radiogenomics.py", *LIBRARY.rglob("*.py")))
FORMS = sorted((EXTENSION / "Resources" / "UI").glob("*.ui"))
SHOWN = {"text", "toolTip", "title", "windowTitle", "placeholderText", "helpText", "acknowledgementText"}
_MARKUP = re.compile(r"<[^>]*>|&\w+;|^[^{]*\{[^}]*:[^}]*;[^}]*\}|\b[a-z-]+: [^;]*;")
"""Tags, entities, and style sheets."""
_WORDS = re.compile(r"[^\W\d_]{2,} +\(?[^\W\d_]+|[^\W\d_]{2,}: *\{\}|\{\}\W* [^\W\d_]{2,}")


def relative(path: Path) -> str:
    return str(path.relative_to(EXTENSION))


def plain(node: ast.expr) -> str | None:
    """A literal as it is read; what an f-string puts in is a pair of braces."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(plain(part) or "{}" for part in node.values)
    return None


class Texts(ast.NodeVisitor):
    """Finds literals that read like words for a user and are not passed to ``_`` or ``translate``."""

    def __init__(self) -> None:
        self.translatable: list[ast.Call] = []
        self.missing: list[str] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if plain(node.value) is None:  # a text that stands alone is a docstring
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in {"_", "translate"}:
            self.translatable.append(node)
            return
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func).startswith(("logging.", "re.")):
            return
        for keyword in node.keywords:
            self._shown(keyword.arg or "", keyword.value)
        self.generic_visit(node)

    def visit_Assert(self, node: ast.Assert) -> None:
        self.visit(node.test)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._shown(target.attr if isinstance(target, ast.Attribute) else "", node.value)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._literal(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._literal(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)
                calls = [call for call in ast.walk(part.value) if isinstance(call, ast.Call)]
                if any(ast.unparse(call.func) == "_" for call in calls):  # Qt's tool sees nothing inside of an f-string
                    self.missing.append(f"{node.lineno}: {ast.unparse(node)}")

    def _literal(self, node: ast.expr) -> None:
        text = plain(node)
        if text is not None and text not in NAMES and _WORDS.search(_MARKUP.sub(" ", text)):
            self.missing.append(f"{node.lineno}: {text}")

    def _shown(self, name: str, value: ast.expr) -> None:
        text = plain(value)
        if (
            name in SHOWN
            and text is not None
            and text not in NAMES
            and re.search(r"[^\W\d_]{2}", _MARKUP.sub("", text))
        ):
            self.missing.append(f"{value.lineno}: {text}")


def textsOf(source: str) -> Texts:
    texts = Texts()
    texts.visit(ast.parse(source))
    return texts


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('label.text = "Ready"', 1),
        ('write(label, toolTip="Undo")', 1),
        ('raise VolumeError(f"segment {name} is empty")', 1),
        ('line = f"Segment: {name}"', 1),
        ('line = "<b>two words</b>"', 1),
        ("line = f\"<b>{_('Ready')}</b>\"", 1),
        ('label.text = _("Ready")', 0),
        ('label.text = _("Segment: {name}").format(name=name)', 0),
        ('label.text = translate("Panel", "Ready for all")', 0),
        ('label.text = f"<b>{name}</b><br>"', 0),
        ('style = f"color: {tone.text}; padding: 4px; border-radius: 3px;"', 0),
        ('logging.getLogger("a").error("an unexpected error")', 0),
        ('def read():\n    """What is read here."""', 0),
        ('setting = "Gliomics/ServerUrl"', 0),
    ],
)
def test_literals_that_a_user_would_read_are_found(source: str, count: int) -> None:
    assert len(set(textsOf(source).missing)) == count


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_every_text_is_translatable(path: Path) -> None:
    missing = textsOf(path.read_text(encoding="utf-8")).missing
    assert missing == []


@pytest.mark.parametrize("path", CODE, ids=relative)
def test_what_is_translated_is_a_whole_literal_with_named_places(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = textsOf(path.read_text(encoding="utf-8"))
    for call in texts.translatable:
        assert all(isinstance(argument, ast.Constant) for argument in call.args), ast.unparse(call)
        assert not re.search(r"\{(\d*|[^{}]*[\[.][^{}]*)\}", call.args[-1].value), (
            f"name the place: {ast.unparse(call)}"
        )
    if texts.translatable:
        stored = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "_"]
        assert not [node.lineno for node in stored if not isinstance(node.ctx, ast.Load)], "'_' is the translation here"


def entries(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """The context and the source of each message of a ``.ts`` file."""
    for context in root.iter("context"):
        for message in context.iter("message"):
            yield context.findtext("name", ""), message.findtext("source", "")


def test_qt_s_own_tool_finds_every_text(tmp_path: Path) -> None:
    """With ``_`` written as ``translate`` with the file's context: the tool does not know of ``_``."""
    PySide6 = pytest.importorskip("PySide6")
    tool = Path(PySide6.__file__).parent / "lupdate"
    if not tool.is_file():
        pytest.skip("needs lupdate, which comes with PySide6_Essentials")
    expected = set()
    for path in CODE:
        source, context = path.read_text(encoding="utf-8"), i18n.getContext(str(path))
        expected |= {(context, call.args[-1].value) for call in textsOf(source).translatable}
        rewritten = re.sub(r"\b_\(", f'translate("{context}", ', source)
        (tmp_path / f"{context}.py").write_text(rewritten, encoding="utf-8")
    assert expected
    for path in FORMS:
        form = ElementTree.parse(path).getroot()
        strings = [item.find("string") for item in form.iter("property")]
        texts = {string.text for string in strings if string is not None and string.text}
        assert texts
        expected |= {(form.findtext("class", ""), text) for text in texts}
        (tmp_path / path.name).write_bytes(path.read_bytes())
    catalogue = tmp_path / "Gliomics.ts"
    files = [str(path) for path in sorted(tmp_path.iterdir())]
    run = [str(tool), *files, "-ts", str(catalogue), "-silent"]
    subprocess.run(run, check=True, capture_output=True)
    assert expected - set(entries(ElementTree.parse(catalogue).getroot())) == set()


@pytest.fixture
def translator(application: Any) -> Iterator[dict[tuple[str, str], str]]:
    """Translations by context and text, which the application has while the test runs."""
    from PySide6.QtCore import QTranslator

    class Dictionary(QTranslator):
        entries: ClassVar[dict[tuple[str, str], str]] = {}

        def isEmpty(self) -> bool:
            return False

        def translate(self, context: str, text: str, _disambiguation: Any = None, _count: int = -1) -> str:
            return self.entries.get((context, text), "")

    dictionary = Dictionary()
    application.installTranslator(dictionary)
    yield dictionary.entries
    application.removeTranslator(dictionary)
    dictionary.entries.clear()


def test_a_translation_is_used_in_the_context_of_its_file(translator: dict[tuple[str, str], str]) -> None:
    from RadiogenomicsLib.wording import errorInWords

    from gliomics.client import ClientError

    source = "{reason}. Ask whoever runs the server for a token that allows it."
    error = ClientError("this needs the role annotator")
    error.status = 403
    assert errorInWords(error) == source.format(reason=error)
    translator["RadiogenomicsLib.wording", source] = "{reason}. Fragen Sie, wer den Server betreibt."
    assert errorInWords(error) == f"{error}. Fragen Sie, wer den Server betreibt."


def test_a_translation_with_another_placeholder_is_refused(
    translator: dict[tuple[str, str], str], caplog: pytest.LogCaptureFixture
) -> None:
    translator["slicer.test_i18n", "{count} slices"] = translator["test_i18n", "{count} slices"] = "{Zahl} Schichten"
    assert i18n.tr("{count} slices") == "{count} slices"
    assert "other placeholders" in caplog.text


def test_a_form_is_translated_when_it_is_loaded(translator: dict[tuple[str, str], str], scene: Any) -> None:
    import slicer.util

    translator["serverSection", "Connect"] = "Verbinden"
    form = slicer.util.loadUI(str(EXTENSION / "Resources" / "UI" / "Server.ui"))
    assert slicer.util.childWidgetVariables(form).connectButton.text == "Verbinden"
