"""Text as people search for it: without regard to case, accents and spacing."""

import unicodedata

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
