"""The module *Sample Data*, as far as samples are registered with it."""

from collections.abc import Sequence

class SampleDataLogic:
    @staticmethod
    def registerCustomSampleDataSource(
        category: str = ...,
        sampleName: str | None = None,
        uris: Sequence[str] | None = None,
        fileNames: Sequence[str] | None = None,
        nodeNames: Sequence[str] | None = None,
        customDownloader: object = None,
        thumbnailFileName: str | None = None,
        loadFileType: str = ...,
        loadFiles: bool | None = None,
        loadFileProperties: object = ...,
        checksums: Sequence[str] | None = None,
    ) -> None: ...
