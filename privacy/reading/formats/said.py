"""What libraries say of a failure, in our errors.

Privacy claim: none; what is quoted may be private, and belongs into ``DataError.private``.
"""

from __future__ import annotations


def one_line(error: BaseException) -> str:
    """What a library says of a failure, fit to stand at the end of our own line."""
    text = " ".join(str(error).split())[:300]
    return "".join(c if c.isprintable() else "?" for c in text)
