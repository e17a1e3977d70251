"""Text as people search for it: without regard to case, accents and spacing."""

import unicodedata
from collections.abc import Mapping
from hashlib import blake2b

# Unicode takes these apart into nothing, yet people without the key type the plain letter.
_PLAIN = str.maketrans({"đ": "d", "ð": "d", "ł": "l", "ø": "o", "ı": "i", "æ": "ae", "œ": "oe"})


def fold(text: str) -> str:
    """Return `text` as it is searched and compared: casefolded, accents and đ plain, spaces single.

    "  Nguyễn Thị  ĐÀO " and "nguyen thi dao" fold to the same. Folding twice changes nothing.
    """
    apart = unicodedata.normalize("NFKD", text).casefold()
    # Casefolding may bring forth marks of its own (İ becomes i and a dot), so they go after it.
    bare = "".join(
        sign for sign in unicodedata.normalize("NFKD", apart) if not unicodedata.combining(sign)
    )
    return " ".join(bare.translate(_PLAIN).split())


def search_text(email: str, fields: Mapping[str, object]) -> str:
    """Return what a search for a contact looks in: address, both orders of the name, company.

    Vietnamese put the family name first and English last; people type either.
    """
    first, last, company = (
        str(fields.get(key) or "") for key in ("first_name", "last_name", "company")
    )
    return fold(f"{email} {last} {first} {last} {company}")


# In octets: well below what the index of a database takes, and above what any shop writes.
LONGEST_KEY = 400


def short_key(text: str) -> str:
    """Return `text`, or what stands for it where it is too long to be the key of a row."""
    whole = text.encode()
    return text if len(whole) <= LONGEST_KEY else f"#{blake2b(whole, digest_size=20).hexdigest()}"
