"""The page in the browser: what is sent to it as it lies in ``page/``, and reports that it opens."""
