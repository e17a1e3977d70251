"""A real SMTP server on loopback that is in whatever mood a test needs."""

import base64
import socket
import ssl
import threading

from tests.providers.moods import DROP, Mood, Received


class SmtpServer:
    """Listens on a free port of 127.0.0.1; every connection is a thread."""

    def __init__(self, mood: Mood) -> None:
        self.mood = mood
        self.received: list[Received] = []
        self.connections = 0
        self.commands: list[str] = []
        #: Whether a command was ever waiting behind the one being answered.
        self.pipelined = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def __enter__(self) -> "SmtpServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join(5)
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def hang_up(self) -> None:
        """Close every open connection."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        session = _Session(self, connection)
        try:
            session.run()
        except OSError:
            pass
        finally:
            self._open.remove(connection)
            session.close()


class _Session:
    def __init__(self, server: SmtpServer, connection: socket.socket) -> None:
        self.server, self.mood = server, server.mood
        self.socket = connection
        self.buffer = b""
        self.sender, self.recipient, self.mail_line, self.user = "", "", "", ""
        self.in_mail = False
        self.accepted = 0

    def run(self) -> None:
        if self.mood.implicit_tls:
            self.encrypt()
        if not self.say(self.mood.greeting):
            return
        while (line := self.line()) is not None:
            command = line.decode("utf-8")
            self.server.commands.append(command)
            if self.buffer:
                self.server.pipelined = True
            word = command.split(" ", 1)[0].upper()
            handler = getattr(self, f"on_{word.lower()}", None)
            if not (handler(command) if handler else self.say("500 5.5.2 what")):
                return

    def on_ehlo(self, command: str) -> bool:
        if "EHLO" in self.mood.replies:
            return self.say(self.mood.replies["EHLO"])
        offers = list(self.mood.extensions)
        if self.mood.tls and not self.encrypted:
            offers.append("STARTTLS")
        lines = ["mx.example", *offers]
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        self.socket.sendall(text.encode())
        return True

    def on_starttls(self, command: str) -> bool:
        self.socket.sendall(b"220 2.0.0 go ahead\r\n" + self.mood.injected)
        self.encrypt()
        return True

    def on_auth(self, command: str) -> bool:
        _, how, *rest = command.split(" ")
        if how == "PLAIN":
            _, user, password = base64.b64decode(rest[0]).decode().split("\0")
        else:
            self.say("334 VXNlcm5hbWU6")
            user = base64.b64decode(self.line() or b"").decode()
            self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode(self.line() or b"").decode()
        if (user, password) != (self.mood.user, self.mood.password):
            return self.say("535 5.7.8 authentication failed")
        self.user = user
        return self.say("235 2.7.0 welcome")

    def on_rset(self, command: str) -> bool:
        self.in_mail = False
        return self.say(self.mood.replies.get("RSET", "250 2.0.0 ok"))

    def on_mail(self, command: str) -> bool:
        if self.in_mail:
            return self.say("503 5.5.1 nested MAIL")
        if self.mood.user and not self.user:
            return self.say("530 5.7.0 authentication required")
        reply = self.mood.replies.get("MAIL", "250 2.1.0 ok")
        self.in_mail = reply.startswith("250")
        self.sender, self.recipient, self.mail_line = _path(command), "", command
        return self.say(reply)

    def on_rcpt(self, command: str) -> bool:
        if not self.in_mail:
            return self.say("503 5.5.1 MAIL first")
        recipient = _path(command)
        reply = self.mood.replies.get(recipient, self.mood.replies.get("RCPT", "250 2.1.5 ok"))
        if reply.startswith("250"):
            self.recipient = recipient
        return self.say(reply)

    def on_data(self, command: str) -> bool:
        generous = self.mood.replies.get("DATA") == "354 anyway"
        if not self.recipient and not generous:
            return self.say("554 5.5.1 no valid recipients")
        reply = self.mood.replies.get("DATA", "354 go on")
        if not self.say(reply):
            return False
        if not reply.startswith("354"):
            return True
        message = self.body()
        if message is None:
            return False
        if not self.recipient:
            return self.say("554 5.5.1 no valid recipients")
        self.in_mail = False
        reply = self.mood.final.get(self.recipient, "250 2.0.0 ok: queued as 4ZxY1")
        if reply.startswith("250") or reply == DROP:
            # A server that hangs up after the message may well have kept it.
            self.server.received.append(
                Received(
                    self.sender,
                    self.recipient,
                    message,
                    self.mail_line,
                    self.encrypted,
                    self.user,
                )
            )
            self.accepted += 1
        if not self.say(reply):
            return False
        if self.accepted == self.mood.messages_per_connection:
            if self.mood.last_words:
                self.say(self.mood.last_words)
            return False
        return True

    def on_quit(self, command: str) -> bool:
        self.say("221 2.0.0 bye")
        return False

    @property
    def encrypted(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket)

    def encrypt(self) -> None:
        assert self.mood.tls is not None
        # As careless servers do, what was injected in the clear is kept.
        self.socket = self.mood.tls.wrap_socket(self.socket, server_side=True)

    def body(self) -> bytes | None:
        taken = bytearray()
        while not (taken.endswith(b"\r\n.\r\n") or taken == b".\r\n"):
            if self.mood.octets_before_drop is not None:
                if len(taken) + len(self.buffer) >= self.mood.octets_before_drop:
                    return None
                if b"\r\n" not in self.buffer:
                    data = self.socket.recv(1024)
                    if not data:
                        return None
                    self.buffer += data
                    continue
            line = self.line()
            if line is None:
                return None
            taken += line + b"\r\n"
        return bytes(taken[:-3]).replace(b"\r\n..", b"\r\n.").removeprefix(b".")

    def line(self) -> bytes | None:
        while b"\r\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                return None
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def say(self, reply: str) -> bool:
        if reply == DROP:
            return False
        self.socket.sendall(reply.encode() + b"\r\n")
        return not reply.startswith("421")

    def close(self) -> None:
        self.socket.close()


def _path(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
