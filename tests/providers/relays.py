"""A provider connected to a scripted server, with little patience."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from nurture.providers.smtp_connection import Timeouts
from tests.providers.moods import ALL_EXTENSIONS
from tests.providers.servers import SmtpServer

IMPATIENT = Timeouts(connect=2, reply=0.3, transfer=0.3, final=0.4, back_off=(0.0, 0.01))
QUICK = Timeouts(back_off=(0.0, 0.01, 0.02, 0.03))
NO_PIPELINING = ALL_EXTENSIONS[1:]


@contextmanager
def sending(
    server: SmtpServer, *, connections: int = 1, timeouts: Timeouts = QUICK, url: str = ""
) -> Iterator[SmtpProvider]:
    address = SmtpAddress.parse(
        (url or "smtp://127.0.0.1:{port}").format(port=server.port), production=False
    )
    provider = SmtpProvider(address, connections=connections, timeouts=timeouts)
    with closing(provider):
        yield provider
