"""``python -m gliomics.answers``: see :mod:`gliomics.answers.process`."""

from gliomics.answers.process import main

main()
