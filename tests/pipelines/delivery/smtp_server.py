"""A mail server on this machine, on sockets: EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, QUIT."""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.pipelines.delivery.services import TOKEN, USER


class MailServer:
    """What was taken, and what is to go wrong.

    :ivar answers: replaces the answer to a command, once: {"RCPT": ["550 no"]}.
    :ivar cut_after_data: close once the mail is there, without a word.
    """

    def __init__(self, certificate: Path | None, *, is_tls: bool = False) -> None:
        self.certificate, self.is_tls = certificate, is_tls
        self.mails: list[EmailMessage] = []
        self.commands: list[str] = []
        self.answers: dict[str, list[str]] = {}
        self.cut_after_data = 0
        self.after_data: Callable[[], object] | None = None
        self.has_starttls = True

    @property
    def taken(self) -> list[str]:
        return [str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in self.mails]

    def talk(self, connection: socket.socket) -> None:
        if self.is_tls:
            connection = self._wrap(connection)
        stream = connection.makefile("rwb")

        def say(line: str) -> None:
            stream.write(line.encode() + b"\r\n")
            stream.flush()

        say("220 test")
        is_safe = self.is_tls
        while line := stream.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            self.commands.append(verb)
            if self.answers.get(verb):
                answer = self.answers[verb].pop(0)
                if answer == "cut":
                    break
                say(answer)
            elif verb == "EHLO":
                offers = ["test", *(["STARTTLS"] if self.has_starttls and not is_safe else [])]
                offers += ["AUTH PLAIN"] if is_safe else ["SIZE"]
                for offer in offers[:-1]:
                    say(f"250-{offer}")
                say(f"250 {offers[-1]}")
            elif verb == "STARTTLS":
                say("220 go")
                connection = self._wrap(connection)
                stream, is_safe = connection.makefile("rwb"), True
            elif verb == "AUTH":
                given = base64.b64decode(rest.split()[1]).decode().split("\0")[1:]
                assert is_safe
                say("235 ok" if given == [USER, TOKEN] else f"535 no such password: {given[1]}")
            elif verb == "DATA":
                say("354 go")
                mail = bytearray()
                while (part := stream.readline()) not in (b".\r\n", b""):
                    mail += part.removeprefix(b".") if part.startswith(b"..") else part
                taken = message_from_bytes(bytes(mail), policy=default)
                assert isinstance(taken, EmailMessage)
                self.mails.append(taken)
                if self.after_data:
                    self.after_data()
                if self.cut_after_data:
                    self.cut_after_data -= 1
                    break
                say("250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 ok")
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _wrap(self, connection: socket.socket) -> socket.socket:
        assert self.certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context.wrap_socket(connection, server_side=True)


@contextmanager
def serve_mail(
    certificate: Path | None, *, is_tls: bool = False
) -> Iterator[tuple[MailServer, int]]:
    """Serve, and give the port."""
    server = MailServer(certificate, is_tls=is_tls)
    listening = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError):
                server.talk(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server, listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def make_certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that is its own authority."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import IPv4Address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    own = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "certificate.pem"
    path.write_bytes(own + made.public_bytes(serialization.Encoding.PEM))
    return path
