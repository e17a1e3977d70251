"""Email addresses: how they are checked, compared, and remembered after they are gone."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from email_validator import EmailNotValidError, validate_email

from nurture.config import Secrets
from nurture.errors import Invalid

# The purpose of the key behind `address_key`. Another one would open every suppression again.
KEY_PURPOSE = "addresses"

# The reason of the global suppression that an erasure leaves behind.
ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it is mailed (`email`) and as it is compared (`compared`, all lower case)."""

    email: str
    compared: str


def parse_address(text: str) -> Address:
    """Return the address in `text`; raises Invalid, saying why, for anything else.

    The syntax is that of RFC 5321 and RFC 6531 without quoted names and address literals,
    which nobody has and every typing error looks like. The domain becomes ASCII (IDNA 2008) in
    lower case. What stands before the @ is mailed as it is written, because RFC 5321 leaves
    its case to the receiving server, and compared in lower case, because no real server makes
    use of that. A +tag stays: it is part of the address that was consented to. Names that are
    reserved for examples and tests are taken; whether a domain exists is never asked.
    """
    try:
        found = validate_email(
            text.strip(),
            allow_smtputf8=False,
            strict=True,
            check_deliverability=False,
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise Invalid(str(error), remedy="Give an address such as name@example.com.") from error
    email = f"{found.local_part}@{found.ascii_domain}"
    return Address(email, email.lower())


def address_key(secrets: Secrets, compared: str) -> str:
    """Return the keyed hash (HMAC-SHA256, 64 hexadecimal digits) that stands for an address.

    `compared` is `Address.compared`. Suppressions are kept under this key, so that they hold
    after the address itself was erased, and tell nothing to who has the database alone.
    """
    return AddressKeys(secrets).of(compared)


class AddressKeys:
    """`address_key` for many addresses: derives the key once."""

    def __init__(self, secrets: Secrets) -> None:
        self._key = secrets.key(KEY_PURPOSE)

    def of(self, compared: str) -> str:
        """Return the key of one address in its compared form."""
        return hmac.digest(self._key, compared.encode(), sha256).hex()
