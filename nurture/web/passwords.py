"""Password hashes by argon2id (RFC 9106) with the library's recommended parameters."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# A longer password is refused before it is hashed: hashing is costly on purpose.
LONGEST_PASSWORD = 1024


class Passwords:
    """Makes and verifies hashes; `hasher` sets the cost, which tests choose low."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobodys = ""

    def hash(self, password: str) -> str:
        """The argon2 string to store for `password`."""
        return self._hasher.hash(password)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` made this hash. None stands for a user who does not exist.

        It takes as long for nobody's password as for a wrong one, so that the time of the answer
        does not tell which addresses have an account.
        """
        if len(password) > LONGEST_PASSWORD:
            return False
        if password_hash is None:
            self._nobodys = self._nobodys or self._hasher.hash("nobody")
        try:
            self._hasher.verify(password_hash or self._nobodys, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)
