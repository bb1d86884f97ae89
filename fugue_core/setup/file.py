"""A file of somebody's configuration: read, and written so that nothing of it is lost."""

from __future__ import annotations

import os

from fugue_core.setup.document import CannotChange

_BACKUP = ".before-fugue"
_NEW_MODE = 0o666
_READ_BYTES = 16 << 20


class ConfigFile:
    """A file at a path, as it was when this was made. Links are followed, and stay.

    Attributes:
        path: As it was named.
        text: What stands in it; None where there is none.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._real_path = os.path.realpath(path)
        self._content = self._read()
        try:
            self.text = None if self._content is None else self._content.decode()
        except UnicodeDecodeError as error:
            raise CannotChange(f"{path}: {error}") from None

    def replace(self, text: str | None) -> str | None:
        """Let `text` stand in it, or where that is None let it be gone; return the path of the backup, if it was there.

        What others see is the old text or the new. The file keeps its mode. No earlier backup is overwritten.

        Raises:
            CannotChange: It has changed since it was read, or cannot be written; it is as it was.
        """
        try:
            os.makedirs(os.path.dirname(self._real_path), exist_ok=True)
            backup = None if self._content is None else self._back_up(self._content)
            if text is not None:
                self._write(text.encode())
            elif self._content is not None:
                self._check_unchanged()
                os.unlink(self._real_path)
        except OSError as error:
            raise CannotChange(f"cannot write {error.filename or self.path}: {error.strerror}") from None
        return backup

    def _write(self, content: bytes) -> None:
        beside = f"{self._real_path}.fugue-{os.getpid()}"
        self._write_new(beside, content)
        try:
            self._check_unchanged()
            os.replace(beside, self._real_path)
        except BaseException:
            os.unlink(beside)
            raise

    def _check_unchanged(self) -> None:
        if self._read() != self._content:
            raise CannotChange(f"{self.path} has changed in this moment: please try again")

    def _back_up(self, content: bytes) -> str:
        number = 1
        while True:
            path = f"{self.path}{_BACKUP}{f'-{number}' if number > 1 else ''}"
            try:
                self._write_new(path, content)
            except FileExistsError:
                number += 1
            else:
                return path

    def _write_new(self, path: str, content: bytes) -> None:
        """Write a file that is not there yet, with the mode of this one."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _NEW_MODE)
        with open(fd, "wb") as file:
            if self._content is not None:
                os.fchmod(fd, os.stat(self._real_path).st_mode & 0o7777)
            file.write(content)
            file.flush()
            os.fsync(fd)

    def _read(self) -> bytes | None:
        try:
            with open(self._real_path, "rb") as file:
                content = file.read(_READ_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CannotChange(f"cannot read {self.path}: {error.strerror}") from None
        if len(content) > _READ_BYTES:
            raise CannotChange(f"{self.path} has more than {_READ_BYTES:,} bytes")
        return content
