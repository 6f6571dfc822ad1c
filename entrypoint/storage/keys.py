"""Which objects are below a URI, and which file each of them becomes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from entrypoint.errors import ContradictionError
from entrypoint.storage.uris import S3Uri

# Where the job keeps what is not yet whole, in the directory that it downloads to.
DOWNLOAD_DIR_NAME = ".modelmaker-download"
# NAME_MAX of Linux's file systems.
MAX_NAME_BYTES = 255

# Classes whose objects cannot be read until they are restored ("Amazon S3 storage classes").
# GLACIER_IR can be read at once.
ARCHIVED_CLASSES = {"GLACIER", "DEEP_ARCHIVE"}
_SHOWN_NEIGHBOURS = 3


@dataclass(frozen=True)
class Listed:
    """An object as a listing of its bucket gives it.

    Attributes:
        key: its whole key.
        size: in bytes.
        etag: as S3 writes it, in quotes or not.
        storage_class: its class, None where the server names none.
        is_restored: it is archived, but a copy can be read for now. ListObjectsV2 tells so in
            RestoreStatus, when it is asked with OptionalObjectAttributes.
        modified: when it was written, in seconds since 1970.
    """

    key: str
    size: int
    etag: str
    storage_class: str | None
    is_restored: bool = False
    modified: float = 0.0


@dataclass(frozen=True)
class Placed:
    """An object and the file it becomes.

    Attributes:
        listed: the object.
        path: the file, relative to the directory that stands for the URI; it never leaves it.
    """

    listed: Listed
    path: PurePosixPath


def place(listed: Iterable[Listed], uri: S3Uri) -> list[Placed]:
    """Give every object below a URI its file.

    s3://b/data is the directory of all keys that begin with "data/"; where there is none, it is
    the one object "data". It is never "data2". Empty objects whose keys end in a slash only stand
    for directories, and are left out.

    Args:
        listed: objects of the bucket; those that are not below the URI are passed over.
        uri: the place in S3.

    Returns:
        The objects in the order of their keys; none where nothing is below the URI.

    Raises:
        ContradictionError: a key cannot be a file in the directory, or an object is archived.
    """
    prefix = uri.directory_prefix
    single: Listed | None = None
    files: dict[str, Listed] = {}
    for item in listed:
        if item.key == uri.key and not uri.is_directory:
            single = item
        elif _is_below(item.key, uri) and not _is_marker(item, uri):
            files[item.key.removeprefix(prefix)] = item
    if not files and single is not None:
        files[single.key.rpartition("/")[2]] = single
    for path, item in files.items():
        _check_path(path, item.key, uri)
    _check_directories(files, uri)
    _check_archived(files.values(), uri)
    return [Placed(item, PurePosixPath(path)) for path, item in sorted(files.items())]


def share(placed: Sequence[Placed], index: int, count: int) -> list[Placed]:
    """Return the share of one of several machines.

    All shares together are the whole, and no object is in two of them. The same objects give
    the same shares, in whatever order they come.

    Args:
        placed: all objects.
        index: which share, from 0.
        count: how many shares there are.
    """
    return sorted(placed, key=lambda item: item.listed.key)[index::count]


def nearby(listed: Iterable[Listed], uri: S3Uri) -> str | None:
    """Tell what there is where nothing is below a URI, as a hint.

    Args:
        listed: objects whose keys begin with the URI's key as text: "data2/a" for s3://b/data.
        uri: the place where nothing is.

    Returns:
        A hint that names up to three places, or None where there is no such key.
    """
    found: dict[S3Uri, None] = {}
    for item in listed:
        is_neighbour = item.key.startswith(uri.key) and not _is_below(item.key, uri)
        if is_neighbour and item.key.isprintable():
            name, slash, _ = item.key[len(uri.key) :].partition("/")
            found[S3Uri(uri.bucket, f"{uri.key}{name}", is_directory=bool(slash))] = None
        if len(found) == _SHOWN_NEIGHBOURS:
            break
    if not found:
        return None
    return f"nothing is below {uri}, but there is {', '.join(map(str, found))}"


def _is_below(key: str, uri: S3Uri) -> bool:
    return key.startswith(uri.directory_prefix)


def _is_marker(item: Listed, uri: S3Uri) -> bool:
    """Tell whether an object stands for a directory, as consoles and other tools make them."""
    if not item.key.endswith("/"):
        return False
    if item.size:
        raise ContradictionError(
            f"the key {item.key!r} below {uri} ends in a slash and holds {item.size:,} bytes,"
            " so no file can have its name",
            hint="delete the object, or copy it to a key without the slash",
        )
    return True


def _check_path(path: str, key: str, uri: S3Uri) -> None:
    fault = _find_fault(path)
    if fault is not None:
        raise ContradictionError(
            f"the key {key!r} below {uri} cannot be a file: {fault}",
            hint="copy the object to another key, or name a place in S3 that leaves it out",
        )


def _find_fault(path: str) -> str | None:
    """Tell why a path is not a file's in the directory, None where it is."""
    parts = path.split("/")
    try:
        longest = max(len(part.encode()) for part in parts)
    except UnicodeEncodeError:
        return "it is not UTF-8 text"
    fault = None
    if "" in parts:
        fault = "a slash stands at its start or beside another"
    elif "." in parts or ".." in parts:
        fault = "'.' and '..' are no names"
    elif any(unicodedata.category(character) == "Cc" for character in path):
        fault = "it has a control character"
    elif longest > MAX_NAME_BYTES:
        fault = f"a name in it has {longest} bytes, and {MAX_NAME_BYTES} is the most"
    elif parts[0] == DOWNLOAD_DIR_NAME:
        fault = f"{DOWNLOAD_DIR_NAME} is the job's own directory"
    return fault


def _check_directories(files: dict[str, Listed], uri: S3Uri) -> None:
    """Refuse a key that is a file and, by another key, a directory."""
    for path, item in files.items():
        directory = path.rpartition("/")[0]
        while directory:
            if directory in files:
                raise ContradictionError(
                    f"the keys {files[directory].key!r} and {item.key!r} below {uri} make one name"
                    " a file and a directory",
                    hint="delete one of the two objects, or copy it to another key",
                )
            directory = directory.rpartition("/")[0]


def _check_archived(items: Iterable[Listed], uri: S3Uri) -> None:
    archived = sorted(
        (item.key, item.storage_class)
        for item in items
        if item.storage_class in ARCHIVED_CLASSES and not item.is_restored
    )
    if not archived:
        return
    key, storage_class = archived[0]
    others = f" and {len(archived) - 1:,} more" if archived[1:] else ""
    raise ContradictionError(
        f"the key {key!r}{others} below {uri} cannot be read now: the storage class"
        f" is {storage_class}",
        hint="restore such objects first (aws s3api restore-object, and wait until it is done), or"
        " name a place in S3 without them",
    )
