"""The feature class ``glioma``: a lesion beside the same patient's own tissue and head."""
