#!/bin/sh
# Whether Gliomics can be installed with the Python given: nothing, or one sentence that says what is missing.
python=$1
missing() {
    echo "$1" >&2
    exit 1
}

[ -n "$python" ] || missing "Gliomics needs Python 3.11, 3.12 or 3.13, and no python3.13, python3.12 or python3.11 runs here:\
 install one, or name it: make install PYTHON=/path/to/python3.12"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || missing "$python does not run: name\
 another Python: make install PYTHON=/path/to/python3.12"
case $version in
3.11 | 3.12 | 3.13) ;;
*) missing "Gliomics needs Python 3.11, 3.12 or 3.13, and $python is $version: name another: make install\
 PYTHON=/path/to/python3.12" ;;
esac
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing "$python cannot make virtual environments: install its\
 module venv (Debian and Ubuntu: apt install python$version-venv)"
