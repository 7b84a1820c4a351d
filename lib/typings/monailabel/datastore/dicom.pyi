from typing import Any

from monailabel.datastore.local import LocalDatastore

class DICOMwebClientX:
    def __init__(
        self,
        url: str,
        session: Any = None,
        qido_url_prefix: str | None = None,
        wado_url_prefix: str | None = None,
        stow_url_prefix: str | None = None,
    ) -> None: ...
    def __getattr__(self, name: str) -> Any: ...

class DICOMWebDatastore(LocalDatastore):
    _client: DICOMwebClientX
    _fetch_by_frame: bool
    def __init__(
        self,
        client: DICOMwebClientX,
        search_filter: dict[str, str],
        cache_path: str | None = None,
        fetch_by_frame: bool = False,
    ) -> None: ...
    get_labeled_images: Any  # a cached function, with its cache
    def _dicom_info(self, series_id: str) -> dict[str, Any]: ...
    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str: ...
    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], label_id: str = ""
    ) -> str: ...
