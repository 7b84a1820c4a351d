"""``python -m gliomics`` is the ``gliomics`` command."""

from gliomics.cli.main import main

if __name__ == "__main__":
    main()
