"""``gliomics subtype``, where a network looks at the images themselves."""
