"""One family of errors: what a user can cause or meet, each with a sentence to act on."""

from __future__ import annotations


class VitStudioError(Exception):
    """Base of all errors meant for the user: one sentence, what is wrong and what to do."""


class PictureError(VitStudioError):
    """A picture that cannot be opened or used."""


class ModelError(VitStudioError):
    """A model that is unknown, cannot be built, or cannot answer what was asked."""


class CheckpointError(ModelError):
    """Weights that are missing, damaged, or belong to another architecture."""


class CaptureError(ModelError):
    """A hook point that does not exist or never fired."""


class DownloadError(ModelError):
    """Weights that could not be brought onto this computer."""


class OfflineError(DownloadError):
    """The hub could not be reached."""


class Cancelled(VitStudioError):
    """The user stopped a long task; nothing was changed."""


class StateError(VitStudioError):
    """A saved state that cannot be read."""


class ExportError(VitStudioError):
    """A view that could not be written."""
