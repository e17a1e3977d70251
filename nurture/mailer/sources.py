"""The files of one email, read and put together: `templates/email/<name>/`."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nurture.errors import Invalid, NotFound, Problem

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_BODY: Final = re.compile(r"body\.([A-Za-z0-9-]+)\.mjml")
_INCLUDE: Final = re.compile(r"<mj-include\b([^>]*?)/?>(?:\s*</mj-include\s*>)?")
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
# What authors note for each other must not be read by recipients; Outlook's conditional comments
# are markup and stay.
_COMMENT: Final = re.compile(r"<!--(?!\[if|<!\[endif).*?-->", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LARGEST: Final = 512 * 1024
_DEEPEST: Final = 8


@dataclass(frozen=True, slots=True)
class EmailSource:
    """What an author wrote for one email in one language, shared pieces put in.

    `subject_file`, `body_file` and `text_file` are the paths to name in messages. `origins` says
    for each line of `body` which file and line it came from; `files` are all the files read.
    Two sources are the same when they say the same, wherever it is written.
    """

    name: str
    language: str
    subject: str
    body: str
    text: str | None
    subject_file: str = field(compare=False)
    body_file: str = field(compare=False)
    text_file: str = field(compare=False)
    origins: tuple[tuple[str, int], ...] = field(compare=False)
    files: tuple[Path, ...] = field(compare=False)

    def origin(self, line: int) -> tuple[str, int]:
        """File and line of the author's for a line of `body`, counted from 1."""
        if not self.origins:
            return self.body_file, line
        return self.origins[min(max(line, 1), len(self.origins)) - 1]


def email_names(templates: Path) -> tuple[str, ...]:
    """The names of all emails below `templates`, sorted; folders with `_` hold shared pieces."""
    if not templates.is_dir():
        return ()
    return tuple(
        sorted(
            each.name for each in templates.iterdir() if each.is_dir() and _NAME.match(each.name)
        )
    )


def languages_of(templates: Path, name: str) -> tuple[str, ...]:
    """The languages that the email has a body in, sorted. Raises `NotFound` for no such email."""
    folder = _folder(templates, name)
    found = (_BODY.fullmatch(each.name) for each in folder.iterdir())
    return tuple(sorted(match[1] for match in found if match))


def read_source(templates: Path, name: str, language: str) -> EmailSource:
    """Read one email in one language.

    Raises `NotFound` when there is no such email, and `Invalid` with file and line for a missing
    file or language, an include that fails or leaves `templates`, and text that is not UTF-8.
    """
    folder = _folder(templates, name)
    if not _LANGUAGE.fullmatch(language):
        raise Invalid(f"{language!r} is not a language code", remedy="Write one such as vi or en.")
    body_file = folder / f"body.{language}.mjml"
    subject_file = folder / f"subject.{language}.txt"
    text_file = folder / f"text.{language}.txt"
    reader = _Reader(templates)
    subject = reader.read(subject_file)
    pieces = list(reader.pieces(body_file, ()))
    text = reader.read(text_file) if text_file.exists() else None
    if reader.problems:
        raise Invalid.because(reader.problems, of=f"email {name} ({language})")
    body, origins = _joined(pieces)
    return EmailSource(
        name=name,
        language=language,
        subject=subject.strip(),
        body=body,
        text=text,
        subject_file=str(subject_file),
        body_file=str(body_file),
        text_file=str(text_file),
        origins=origins,
        files=tuple(dict.fromkeys(reader.files)),
    )


def place_of(source: EmailSource, path: str) -> str:
    """Where a merge field is first written, as `file:line`; empty when it is spelt otherwise."""
    written = re.compile(rf"(?<![\w.]){re.escape(path)}(?!\w)")
    if written.search(source.subject):
        return f"{source.subject_file}:1"
    for text, at in (
        (source.body, source.origin),
        (source.text or "", lambda line: (source.text_file, line)),
    ):
        for number, line in enumerate(text.split("\n"), start=1):
            if written.search(line):
                file, there = at(number)
                return f"{file}:{there}"
    return ""


def _folder(templates: Path, name: str) -> Path:
    folder = templates / name
    if not _NAME.fullmatch(name) or not folder.is_dir():
        raise NotFound(f"there is no email {name!r} in {templates}", remedy="Create its folder.")
    return folder


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    file: str
    line: int


class _Reader:
    """Reads files below one folder and collects everything that is wrong with them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.files: list[Path] = []
        self.problems: list[Problem] = []

    def read(self, path: Path) -> str:
        try:
            # Symbolic links are followed before the check, so that none can lead outside.
            resolved = path.resolve(strict=True)
            if not resolved.is_relative_to(self._root.resolve()):
                self._wrong("the file lies outside the templates", "Move it inside.", str(path))
                return ""
            data = resolved.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            self._wrong("the file is missing", "Write it, or remove the language.", str(path))
            return ""
        except (OSError, ValueError) as error:
            self._wrong(f"the file cannot be read ({error})", "Check its permissions.", str(path))
            return ""
        if len(data) > _LARGEST:
            self._wrong("the file is over 512 kB", "Split or shorten it.", str(path))
            return ""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._wrong("the file is not UTF-8", "Save it as UTF-8.", str(path), line)
            return ""
        control = _CONTROL.search(text)
        if control:
            line = text.count("\n", 0, control.start()) + 1
            self._wrong("the file holds a control character", "Remove it.", str(path), line)
            return ""
        self.files.append(path)
        # Editors on macOS may write ế as three characters, which some mail readers draw apart.
        return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))

    def pieces(self, path: Path, above: tuple[Path, ...]) -> Iterator[_Piece]:
        """The text of a body with every include put in, as pieces that know where they start."""
        text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), self.read(path))
        start = 0
        for include in _INCLUDE.finditer(text):
            yield self._piece(text, start, include.start(), path)
            line = text.count("\n", 0, include.start()) + 1
            target = self._target(include[1], path, line)
            if target is not None and target in (*above, path):
                self._wrong("the file includes itself", "Remove this include.", str(path), line)
            elif target is not None and len(above) >= _DEEPEST:
                self._wrong("includes are nested too deeply", "Flatten them.", str(path), line)
            elif target is not None:
                yield from self.pieces(target, (*above, path))
            start = include.end()
        yield self._piece(text, start, len(text), path)

    def _piece(self, text: str, start: int, end: int, path: Path) -> _Piece:
        return _Piece(text[start:end], str(path), text.count("\n", 0, start) + 1)

    def _target(self, attributes: str, path: Path, line: int) -> Path | None:
        given: dict[str, str] = {
            key: double or single for key, double, single in _ATTRIBUTE.findall(attributes)
        }
        wanted = given.get("path", "")
        if set(given) != {"path"} or not wanted:
            remedy = 'Write <mj-include path="_shared/footer.en.mjml" />.'
            self._wrong("an include takes a path and nothing else", remedy, str(path), line)
            return None
        target = self._root / wanted
        inside = not Path(wanted).is_absolute() and ".." not in Path(wanted).parts
        if not inside or "\0" in wanted:
            remedy = "Give a path below the folder of templates, without '..'."
            self._wrong(f"{wanted!r} leaves the templates", remedy, str(path), line)
            return None
        if not target.is_file():
            remedy = f"Create {target}, or correct the path."
            self._wrong(f"{wanted!r} does not exist", remedy, str(path), line)
            return None
        return target

    def _wrong(self, message: str, remedy: str, file: str, line: int = 0) -> None:
        self.problems.append(Problem(message, remedy, file, line))


def _joined(pieces: list[_Piece]) -> tuple[str, tuple[tuple[str, int], ...]]:
    # A line belongs to the last piece that starts on or before its first visible character.
    body = "".join(piece.text for piece in pieces)
    starts, offset = [], 0
    for piece in pieces:
        starts.append(offset)
        offset += len(piece.text)
    origins, offset = [], 0
    for line in body.split("\n"):
        seen = offset + len(line) - len(line.lstrip())
        index = max(bisect_right(starts, min(seen, max(len(body) - 1, 0))) - 1, 0)
        piece = pieces[index]
        into = body.count("\n", starts[index], max(seen, starts[index]))
        origins.append((piece.file, piece.line + into))
        offset += len(line) + 1
    return body, tuple(origins)
