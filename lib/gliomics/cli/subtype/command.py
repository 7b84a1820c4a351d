"""``gliomics subtype``, one file for each of its commands beside this one."""

from __future__ import annotations

import typer

from gliomics.cli.subtype.compare import compare
from gliomics.cli.subtype.evaluate import evaluate
from gliomics.cli.subtype.explain import explain
from gliomics.cli.subtype.fit import fit
from gliomics.cli.subtype.fit_network import fit_network
from gliomics.cli.subtype.predict import predict
from gliomics.cli.subtype.predict_network import predict_network

subtype = typer.Typer(help="Estimate genomic subtypes from features, or fit a model that does.", no_args_is_help=True)
for command in (predict, explain, fit, evaluate, compare):
    subtype.command()(command)
subtype.command("fit-network")(fit_network)
subtype.command("predict-network")(predict_network)
