"""``gliomics features``, how stable they are under other masks, and what each of them means."""
