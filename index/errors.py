"""Errors a caller can act on. Each message says what was found, what was wanted, what to do."""


class RagError(Exception):
    """Base of every error Burhan raises on purpose; show its text, it is one clear line."""


class SettingsError(RagError):
    """A setting has a value that cannot work; correct it."""


class SourceError(RagError):
    """A source of articles cannot be read; fix that file and run the command again."""


class EncoderError(RagError):
    """The encoder cannot be built or loaded; the message names what is missing."""


class IndexMissingError(RagError):
    """No index at that place; run the `burhan index` command that the message gives."""


class IndexMismatchError(RagError):
    """The index was made with other settings; re-index, or open it with the encoder named."""


class IndexLockedError(RagError):
    """Another process is writing this index; wait for it or stop it."""


class IndexDamagedError(RagError):
    """A file of the index is damaged; run `burhan doctor --repair`."""


class ModelError(RagError):
    """The language model gave no usable reply; `kind` says why, and answers go on without it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
