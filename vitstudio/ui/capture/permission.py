"""Whether this program may use cameras, where the system asks its user about that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QCameraPermission, QCoreApplication, QObject, Qt


class Permission(Protocol):
    """The system's word on cameras."""

    def state(self) -> bool | None:
        """Whether they are allowed; None: the user was not asked yet."""
        ...

    def ask(self, context: QObject, answered: Callable[[bool], None]) -> None:
        """Let the system ask the user; nothing is answered once `context` is gone."""
        ...


class SystemPermission:
    """What Qt finds out; systems that never ask always allow."""

    def state(self) -> bool | None:
        """Whether cameras are allowed; None: the user was not asked yet."""
        app = QCoreApplication.instance()
        if app is None:
            return True
        found = app.checkPermission(QCameraPermission())
        if found == Qt.PermissionStatus.Undetermined:
            return None
        return found == Qt.PermissionStatus.Granted

    def ask(self, context: QObject, answered: Callable[[bool], None]) -> None:
        """Let the system ask the user."""
        app = QCoreApplication.instance()
        if app is None:
            answered(True)
            return
        app.requestPermission(
            QCameraPermission(),
            context,
            lambda permission: answered(permission.status() == Qt.PermissionStatus.Granted),
        )
