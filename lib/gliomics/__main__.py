"""``python -m gliomics`` is the ``gliomics`` command."""

import sys

if __name__ == "__main__":
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the working folder, where modules may lie that are called as some of ours
    from gliomics.cli.main import main

    main()
