"""manifest.json: every file of a folder with its size and SHA-256, and how the folder differs from it.

Privacy claim: none; handles public files.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from privacy.reading.read import file_digest

MANIFEST = "manifest.json"

APPROVAL = "approval.json"
"""Says beside the manifest which decision of a person was about it."""


def manifest(folder: Path) -> dict[str, Any]:
    """Every file in and below the folder with its size and SHA-256."""
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name != MANIFEST)
    return {
        "files": [
            {
                "name": f.relative_to(folder).as_posix(),
                "bytes": f.stat().st_size,
                "sha256": file_digest(f),
            }
            for f in files
        ]
    }


def digests(text: bytes) -> dict[str, str]:
    """What a manifest says: names and digests. Raises ValueError where it is none."""
    try:
        return {f["name"]: f["sha256"] for f in json.loads(text)["files"]}
    except (KeyError, TypeError) as error:
        raise ValueError("not a manifest") from error


def differences(
    folder: Path, files: Mapping[str, str], beside: Collection[str]
) -> Iterator[tuple[Path, str]]:
    """What was added to a folder, is missing from it or was changed in it since its manifest was written.

    ``beside``: names that no manifest holds and that may be there.
    """
    found = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*"))}
    folders = {str(parent) for name in files for parent in Path(name).parents}
    for name, path in found.items():
        known = name in folders if path.is_dir() else name in {*files, *beside}
        if path.is_symlink() or not known:
            yield path, "added"
    for name, digest in files.items():
        if name not in found:
            yield folder / name, "missing"
        elif not found[name].is_file() or file_digest(found[name]) != digest:
            yield found[name], "changed"
