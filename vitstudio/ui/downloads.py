"""Downloads under way: started, shown, cancelled, ended."""

from __future__ import annotations

from vitstudio.engine import messages
from vitstudio.ui.asking import Post
from vitstudio.ui.screen import PickerLike

TASK = "Download:"


class Downloads:
    """Keeps which weights are on their way, and shows in the picker how far they are.

    Parameters
    ----------
    post : callable
        Sends a message to the engine.
    picker : PickerLike
    """

    def __init__(self, post: Post, picker: PickerLike) -> None:
        self._post = post
        self._picker = picker
        self._running: list[str] = []

    def start(self, model_id: str) -> None:
        """Bring a model's weights here."""
        self._running.append(model_id)
        self._post(messages.Download(model_id))

    def cancel(self, model_id: str = "") -> None:
        """Stop a download, or all of them."""
        for running in self._running:
            if model_id in ("", running):
                self._post(messages.CancelDownload(running))

    def progress(self, message: messages.Progress) -> None:
        """Show how far a download is; other work is none of it."""
        model_id = message.task.removeprefix(TASK)
        if not message.task.startswith(TASK) or model_id not in self._running:
            return
        if message.done:
            self._picker.clear_progress(model_id)
        else:
            self._picker.show_progress(model_id, message.fraction, message.text)

    def done(self, model_id: str) -> bool:
        """A download is complete; whether it is the one asked for last."""
        newest = bool(self._running) and self._running[-1] == model_id
        self._end(model_id)
        return newest

    def failed(self, message: messages.Failed) -> None:
        """A download ended without the weights; other failures are none of it."""
        if not isinstance(message.request, messages.Download):
            return
        model_id = message.request.model_id
        self._end(model_id)
        if message.cancelled:
            self._picker.clear_progress(model_id)
        else:
            self._picker.show_failed(model_id, message.sentence)

    def _end(self, model_id: str) -> None:
        self._running = [other for other in self._running if other != model_id]
