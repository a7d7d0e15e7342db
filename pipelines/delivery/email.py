"""Mails over SMTP, with TLS from the start or by STARTTLS."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from pipelines.clock import Clock
from pipelines.delivery.failures import DeliveryError, Fault
from pipelines.delivery.messages import Message, Receipt, cut_text, list_facts
from pipelines.delivery.plain import write_text
from pipelines.delivery.settings import DestinationConfig, WhenUnknown, find_ca_file, is_loopback
from pipelines.delivery.trust import NOT_TRUSTED, read_trusted
from pipelines.environment import SecretName
from pipelines.network import DeniedAddressError, Network, connect_to

_MAX_SUBJECT: Final = 200
_TEMPLATE: Final = Path(__file__).with_name("templates") / "mail.html"


class EmailConfig(DestinationConfig):
    """Mailboxes.

    :param security: tls from the start (port 465), starttls (587), or none: only to this machine,
        or where plain = true says so, and never with a password.
    :param when_unknown: where nobody knows whether a mail was taken: send it again under the same
        Message-ID, by which most mailboxes show it once, or stop and leave it to people.
    """

    kind: Literal["email"]
    host: Annotated[str, Field(min_length=1)]
    security: Literal["starttls", "tls", "none"] = "starttls"
    port: Annotated[int | None, Field(ge=1, le=65_535)] = None
    plain: bool = False
    username: str | None = None
    password: Annotated[SecretName | None, Field(validate_default=True)] = None
    sender: str
    to: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    ca_file: str | None = None
    networks: tuple[Network, ...] = ()
    when_unknown: Literal["again", "stop"] = "again"

    @field_validator("sender")
    @classmethod
    def _is_mailbox(cls, address: str) -> str:
        return _check_mailbox(address)

    @field_validator("to")
    @classmethod
    def _are_mailboxes(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_check_mailbox(address) for address in addresses)

    @field_validator("password")
    @classmethod
    def _is_safe(cls, password: str | None, info: ValidationInfo) -> str | None:
        given = info.data
        if given.get("security") == "none":
            if password is not None:
                raise ValueError("is not sent without TLS; set security to starttls or tls")
            if not given.get("plain") and not is_loopback(str(given.get("host"))):
                raise ValueError("is not encrypted; set security, or allow it with plain = true")
        if (password is None) != (given.get("username") is None):
            raise ValueError("username and password go together")
        return password

    def connect(self, folder: Path, clock: Clock) -> "Email":
        """Make the destination."""
        return Email(self, folder, clock)


class Email:
    """The Message-ID is made of the message's id, and so the same in every attempt."""

    max_items = 20
    takes_all = False
    leaves_files = False

    def __init__(self, config: EmailConfig, folder: Path, clock: Clock) -> None:
        self.secrets: frozenset[str] = frozenset()
        self.when_unknown: WhenUnknown = config.when_unknown
        self._config, self._folder, self._clock = config, folder, clock

    def open(self) -> None:
        """Read the password, and the certificates of an own authority."""
        config = self._config
        self._password = config.read_secret(config.password) if config.password else None
        self._ca_file = find_ca_file(config.ca_file, self._folder, config.what)
        self.secrets = frozenset([self._password] if self._password else [])

    def render(self, message: Message) -> dict[str, Any]:
        """The mail, without what depends on the hour."""
        mail = self._compose(message)
        shown = ("From", "To", "Subject", "Message-ID")
        text = mail.get_body(("plain",))
        return {**{name: str(mail[name]) for name in shown}, "text": text and text.get_content()}

    def send(self, message: Message) -> Receipt:
        """Send it to all its mailboxes; those that are refused are noted."""
        mail = self._compose(message)
        mail["Date"] = format_datetime(self._clock.now())
        data = mail.as_bytes(policy=SMTP)
        with _plain_reasons(), self._talk() as client:
            n_refused = self._name_mailboxes(client)
            _send_data(client, data)
        of_all = f"{n_refused} of {len(self._config.to)} mailboxes were refused"
        return Receipt(str(mail["Message-ID"]).strip("<>"), of_all if n_refused else None)

    def find(self, message: Message) -> Receipt | None:
        """Nobody can be asked."""
        return None

    def _compose(self, message: Message) -> EmailMessage:
        config = self._config
        mail = EmailMessage(policy=SMTP)
        mail["From"] = config.sender
        mail["To"] = ", ".join(config.to)
        mail["Subject"] = cut_text(message.title, _MAX_SUBJECT)
        mail["Message-ID"] = f"<{message.message_id}@{config.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of an absence comes back
        mail.set_content(write_text(message))
        mail.add_alternative(_render_page(message), subtype="html")
        return mail

    @contextmanager
    def _talk(self) -> Iterator[smtplib.SMTP]:
        config = self._config
        context = read_trusted(self._ca_file)
        # Without it the library asks the name server who we are.
        own = config.sender.rpartition("@")[2]
        if config.security == "tls":
            client: smtplib.SMTP = _TlsMail(config, config.port or 465, own, context)
        else:
            port = config.port or (587 if config.security == "starttls" else 25)
            client = _Mail(config, port, own)
        try:
            if config.security == "starttls":
                client.starttls(context=context)
            client.ehlo_or_helo_if_needed()
            if config.username is not None and self._password is not None:
                client.login(config.username, self._password)
            yield client
            with suppress(smtplib.SMTPException, OSError):  # what was taken is taken
                client.quit()
        finally:
            client.close()

    def _name_mailboxes(self, client: smtplib.SMTP) -> int:
        """Name sender and receivers; how many of them were refused, where not all were."""
        _check_code(*client.mail(self._config.sender))
        codes = [client.rcpt(address)[0] for address in self._config.to]
        refused = [code for code in codes if code not in (250, 251)]
        if len(refused) == len(codes):
            passing = any(400 <= code < 500 for code in refused)
            said = "refused its mailbox" if len(codes) == 1 else "refused all its mailboxes"
            raise DeliveryError(f"{said} ({refused[0]})", "passing" if passing else "message")
        return len(refused)


def _check_mailbox(address: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(
            address, check_deliverability=False, allow_smtputf8=False, test_environment=True
        ).normalized
    except EmailNotValidError:
        raise ValueError("is no e-mail address") from None


def _render_page(message: Message) -> str:
    return str(_load_template().render(message=message, list_facts=list_facts))


@cache
def _load_template() -> Any:
    from jinja2 import Environment, StrictUndefined

    from pipelines.report.display import direction_of, language_tag

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(direction=direction_of, tag=language_tag)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


class _Mail(smtplib.SMTP):
    """A connection to an address that may be called."""

    def __init__(self, config: EmailConfig, port: int, own: str) -> None:
        self._networks = config.networks
        super().__init__(config.host, port, own, timeout=config.timeout_s)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        return connect_to(host, port, timeout, self._networks)


class _TlsMail(smtplib.SMTP_SSL):
    """The same, encrypted from the start."""

    def __init__(self, config: EmailConfig, port: int, own: str, context: ssl.SSLContext) -> None:
        self._networks = config.networks
        super().__init__(config.host, port, own, timeout=config.timeout_s, context=context)

    def _get_socket(self, host: str, port: int, timeout: float | None) -> socket.socket:
        connected = connect_to(host, port, timeout, self._networks)
        return self.context.wrap_socket(connected, server_hostname=host)


def _send_data(client: smtplib.SMTP, data: bytes) -> None:
    """Hand the mail over: from here on a silence says nothing about whether it was taken."""
    try:
        code, _ = client.data(data)
    except smtplib.SMTPDataError as error:  # refused before a byte of it was sent
        code = error.smtp_code
    except OSError:
        raise DeliveryError(
            "closed the connection before it said that it has the mail", "passing", is_unknown=True
        ) from None
    _check_code(code, b"")


def _check_code(code: int, _said: bytes) -> None:
    """Refuse an answer that is no yes; what the server says may quote the mail."""
    if not 200 <= code < 300:
        fault: Fault = "passing" if 400 <= code < 500 else "message"
        raise DeliveryError(f"refused the mail ({code})", fault)


@contextmanager
def _plain_reasons() -> Iterator[None]:
    """Turn what the library says into a reason; its own words may hold the password."""
    try:
        yield
    except DeliveryError:
        raise
    except Exception as error:  # noqa: BLE001 -- all of it, since none may be shown
        failure = _describe(error)
    else:
        return
    raise failure


def _describe(error: Exception) -> DeliveryError:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        passing = 400 <= error.smtp_code < 500
        said = f"refused user and password ({error.smtp_code})"
        return DeliveryError(said, "passing" if passing else "destination")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return DeliveryError("does not offer STARTTLS, or no way to log in", "destination")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryError(NOT_TRUSTED, "destination")
    if isinstance(error, smtplib.SMTPResponseException):
        passing = 400 <= error.smtp_code < 500
        said = f"refused us ({error.smtp_code})"
        return DeliveryError(said, "passing" if passing else "destination")
    if isinstance(error, DeniedAddressError):
        return DeliveryError(str(error), "destination")
    if isinstance(error, OSError):  # smtplib's own errors too
        return DeliveryError("could not be reached, or broke off before the mail", "passing")
    return DeliveryError(f"could not be asked ({type(error).__name__})", "later")
