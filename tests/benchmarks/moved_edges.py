"""How far the shipped models' estimates depend on where the edge is drawn, on real outlines, and what asking takes.

    PYTHONPATH=lib:. .venv/bin/python tests/benchmarks/moved_edges.py STUDIES

``STUDIES`` are imported studies with labels by hand. It prints, for each model, the range of the probability over the
outline as drawn, grown, shrunk and twice drawn anew (median, 90th percentile, largest), in how many studies the class
loses its majority, and the seconds for the features of the panel and for the moved edges, with the images already
prepared.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from gliomics.features.config import load_config
from gliomics.features.edge import measure_moved_edge
from gliomics.features.extract import StudyImages, extract_features
from gliomics.models import ModelStore
from gliomics.study import find_mask, labels_folder, load_sequences, open_studies, read_mask
from gliomics.subtype.blocks import FEATURE_CLASSES
from gliomics.subtype.circumstances import NOTHING_KNOWN
from gliomics.subtype.predict import SubtypeModel


def main(root: Path) -> None:
    """Measure every study that has a label."""
    config, store = load_config("panel"), ModelStore()
    models = {name: SubtypeModel(store.current(name)) for name in store.names("subtype")}
    widths: dict[str, list[float]] = {name: [] for name in models}
    lost = dict.fromkeys(models, 0)
    seconds = []
    for study in open_studies(root):
        path = find_mask(labels_folder(root), study.id)
        if path is None:
            continue
        label = read_mask(path)
        mask = label.with_array((label.array > 0).astype(np.uint8))
        images = StudyImages(study.id, load_sequences(study, study.sequences), spacing_known=study.spacing_known)
        extract_features(images, mask, config)
        start = time.perf_counter()
        row = extract_features(images, mask, config)
        between = time.perf_counter()
        moved = measure_moved_edge(images, mask, config, FEATURE_CLASSES)
        seconds.append((between - start, time.perf_counter() - between))
        for name, model in models.items():
            estimate = model.with_margin(model.estimate(row), row, NOTHING_KNOWN, moved)
            low, high = estimate.margin or [np.nan, np.nan]
            widths[name].append(high - low)
            lost[name] += low < 0.5 <= high
    for name, values in widths.items():
        median, most, largest = np.nanquantile(values, (0.5, 0.9, 1))
        print(f"{name}: {median:.2f}, {most:.2f}, {largest:.2f}; {lost[name]} of {len(values)} lose the majority")
    print("features {:.2f} s, moved edges {:.2f} s".format(*np.median(seconds, axis=0)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
