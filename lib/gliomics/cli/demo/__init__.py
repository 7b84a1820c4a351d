"""``gliomics demo``: the whole loop on synthetic studies, and the studies themselves."""
