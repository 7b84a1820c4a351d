"""Run first while PyRadiomics 3.0.1 is built: its versioneer.py uses two names that Python 3.12 removed."""

import configparser

configparser.SafeConfigParser = configparser.ConfigParser
configparser.RawConfigParser.readfp = configparser.RawConfigParser.read_file
