"""An SMTP relay that counts: `python sink.py FILE DELAY`, a process of its own.

It prints its port, and writes one line for each mail it takes, recipient and Message-ID, before it
says so. What it has written it has taken, whatever becomes of the sender meanwhile. DELAY is how
many seconds it thinks about each mail, so that senders can be killed in the middle.
"""

import asyncio
import os
import re
import sys

MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


async def converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, book: int, delay: float
) -> None:
    """Take mail on one connection until it ends."""
    recipient = b""
    writer.write(b"220 sink ready\r\n")
    try:
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"RCPT":
                recipient = line[line.index(b"<") + 1 : line.index(b">")]
                writer.write(b"250 OK\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go on\r\n")
                content = await reader.readuntil(b"\r\n.\r\n")
                await asyncio.sleep(delay)
                found = MESSAGE_ID.search(content)
                assert found, "a mail without Message-ID"
                os.write(book, recipient + b" " + found[1] + b"\n")
                writer.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 OK\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return
    finally:
        writer.close()


async def serve(path: str, delay: float) -> None:
    """Listen on any free port, print it, and serve until killed."""
    book = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    server = await asyncio.start_server(
        lambda reader, writer: converse(reader, writer, book, delay), "127.0.0.1", 0, limit=2**20
    )
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - told to the test
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], float(sys.argv[2])))
