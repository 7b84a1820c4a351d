"""Whether the user has agreed to send data to a server. Kept in the application's settings, not in the scene: a scene
may come from somebody else."""

from __future__ import annotations

import qt
import slicer.util
from slicer.i18n import tr as _

from RadiogenomicsLib.server.backends import hostOf, isLoopback

SETTING = "Gliomics/UploadConsent"


def isGiven(url: str) -> bool:
    """Whether data may be sent to this address without asking: it is this computer, or the user agreed before."""
    return isLoopback(url) or hostOf(url) in _hosts()


def ask(url: str) -> bool:
    """Ask, unless consent is given already; a yes is remembered for this server."""
    if isGiven(url):
        return True
    host = hostOf(url)
    question = _(
        "Images and segmentations will be sent to {host}.\n\n"
        "They can identify a patient. Send them to this server, now and in future?"
    )
    if host.startswith("http://"):
        question = _(
            "Images and segmentations will be sent to {host}.\n\nThe connection is not encrypted.\n\n"
            "They can identify a patient. Send them to this server, now and in future?"
        )
    agreed = slicer.util.confirmYesNoDisplay(question.format(host=host), windowTitle="Radiogenomics")
    if agreed:
        qt.QSettings().setValue(SETTING, " ".join([*_hosts(), host]))
    return bool(agreed)


def _hosts() -> list[str]:
    return str(slicer.util.settingsValue(SETTING, "")).split()
