"""The files of a log's rotated set that are recognized, and what came and went between two looks.

A file is known by its first bytes, whatever became of its name. Known are those that were read, and
those that are no part of what is followed because they were there before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from logan.live.files import CompressedFile, Generation, OpenFile, Readable, Replaced, head_of
from logan.live.rotated import (
    GENERATIONS_MAX,
    folders_of,
    members,
    siblings,
)

__all__ = ["KnownFiles"]

KNOWN_MAX: Final = 2 * GENERATIONS_MAX
"""Files of a log that are recognized: all that are looked at, and as many that are gone."""


class KnownFiles:
    """What is known of a log's files.

    Args:
        folders: to which its files are rotated, besides its own; relative ones are in that.

    Attributes:
        folders: these, and those that were found to hold files of the set.
        is_given: whether `replace` said what is known, so that nothing else is.
    """

    def __init__(self, folders: Sequence[str] = ()) -> None:
        self.folders = list(folders)
        self.is_given = False
        self._generations: list[Generation] = []

    def replace(self, generations: Iterable[Generation]) -> None:
        """Exactly these are known, oldest first."""
        self._generations = list(generations)[-KNOWN_MAX:]
        self.is_given = True

    def add(self, generation: Generation) -> None:
        """Recognize it from now on: each file once, however often it was met, so that those that
        are there are not forgotten for those that are gone."""
        head, size = generation.head, generation.size
        self._generations = [each for each in self._generations if not each.begins(head, size)]
        self._generations.append(generation)
        del self._generations[:-KNOWN_MAX]

    def add_siblings(self, file: OpenFile) -> None:
        """Files of the set that were there before are no part of what is followed."""
        self.look_below(file)
        # Looked at again if names changed meanwhile: a file that escaped would be counted later.
        older = members(file)
        for each in older:
            self.add(Generation(each.generation.head, b"", each.size or 0))
            each.file.close()
        if not older:  # or its name is gone, and nothing tells what came before it
            self.add_paths([each for each in siblings(file) if not file.is_at(each)])

    def add_paths(self, paths: Sequence[str]) -> None:
        """Recognize the files of these paths."""
        for path in paths[-GENERATIONS_MAX:]:
            try:
                head, size, _ = head_of(path)
            except OSError:
                continue
            self.add(Generation(head, b"", size or 0))

    def look_below(self, file: OpenFile) -> None:
        """Folders below that hold files of the set by now are looked at from now on."""
        self.folders += [each for each in folders_of(file) if each not in self.folders]

    def missed(self, current: OpenFile, files: Sequence[OpenFile]) -> list[Readable] | None:
        """What came and went since the last look: members of the set that were never seen, up to
        the current file, in the order in which they are to be read; known from now on. `files` are
        those that are open, the current one among them. None if that cannot be told, as the current
        one no longer holds what was read of it."""
        self.look_below(current)
        held = {each.identity for each in files}
        try:
            current.beginning()
            # What is open here is read from here, whatever copies of it there are.
            known = [*self._generations, *(_beginning_of(each) for each in files if each.position)]
            around = members(current)
            # Only now: what was truncated meanwhile is in its copies alone.
            unread = [_beginning_of(each) for each in files if not each.position]
        except Replaced:
            return None
        plain = [each.generation for each in around if each.compression is None]
        found: list[Readable] = []
        for each in around:
            file, generation = each.file, each.generation
            head, size = generation.head, each.size
            is_known = any(one.begins(head, size) for one in known)
            # A copy of what was not read yet: it is read after all if its original is truncated.
            is_copy = any(one.begins(head, size) for one in unread)
            # What is being compressed is still there, and whole.
            is_copy |= each.compression is not None and any(one.begins(head, None) for one in plain)
            if file.identity in held or not head or is_known or is_copy:
                if is_known and head:
                    self.add(generation)  # as long as its file is there
                file.close()
                continue
            missed: Readable = file
            if each.compression is not None:
                missed = CompressedFile(f"/dev/fd/{file.fd}", each.compression)
                missed.name = file.name
                file.close()
            self.add(generation)
            known.append(generation)
            found.append(missed)
        return found


def _beginning_of(file: OpenFile) -> Generation:
    """What it holds, or held when it was read."""
    try:
        return file.beginning()
    except Replaced:
        return file.generation
