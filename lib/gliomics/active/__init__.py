"""Active learning: which study is worth labelling next."""
