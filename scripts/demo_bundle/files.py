"""The bundle's files, each in the shape of a real export, byte for byte the same every time."""

import csv
import io
import json
import random
from datetime import datetime
from pathlib import Path
from typing import Any

from demo_bundle.calendar import local_time, release_on
from demo_bundle.complaints import COLUMNS
from demo_bundle.history import Event
from demo_bundle.people import Customer, write_email
from demo_bundle.survey import HELP, MORE, Answer
from demo_bundle.voices import LATE_THEME, Voice

_NETWORKS = ("x", "instagram", "facebook")
_COUNTRIES = {
    "en": ("GB", "US", "IN"),
    "de": ("DE", "AT"),
    "es": ("ES", "MX", "AR"),
    "fr": ("FR", "BE"),
    "he": ("IL",),
    "ar": ("AE", "EG", "SA"),
}
_TRUNKS = {"GB": ("+44 ", "0"), "IL": ("+972 ", "0"), "DE": ("+49 ", "0"), "FR": ("+33 ", "0")}


def write_complaints(path: Path, lines: list[dict[str, str]]) -> None:
    """Comma separated, as the CFPB exports."""
    _write_csv(path, list(COLUMNS), [list(line.values()) for line in lines])


def write_survey(path: Path, answers: list[Answer]) -> None:
    """Semicolon separated with a byte order mark, as a European Excel saves it."""
    header = [
        "Respondent ID",
        "Submitted at",
        "Customer number",
        "E-mail",
        "Phone (if you want a call back)",
        "How likely are you to recommend Nilo? (0-10)",
        HELP,
        MORE,
    ]
    rows = [
        [
            answer.respondent_id,
            answer.at.strftime("%d.%m.%Y %H:%M"),
            answer.number,
            answer.email,
            answer.phone,
            "" if answer.score is None else answer.score,
            answer.help["text"] if answer.help else "",
            answer.more["text"] if answer.more else "",
        ]
        for answer in answers
    ]
    _write_csv(path, header, rows, delimiter=";", bom=True)


def write_posts(path: Path, posts: list[Voice], rng: random.Random) -> None:
    """JSON lines with a nested user; no language is given."""
    lines = []
    for post in posts:
        assert post.person is not None
        network = rng.choice(_NETWORKS)
        user = {"handle": "@" + _recase(post.person.handle, rng)}
        if rng.random() < 0.6:
            user["name"] = f"{post.person.first} {post.person.last}"
        lines.append(
            {
                "id": post.voice_id,
                "created_at": local_time(post.at, post.person.group.offsets).isoformat(),
                "text": post.text,
                "user": user,
                "network": network,
                "url": f"https://{network}.example.com/status/{post.voice_id}",
            }
        )
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="\n")


def write_reviews(
    path: Path, reviews: list[Voice], replies: dict[str, list[str]], rng: random.Random
) -> None:
    """An Excel sheet with real dates and numbers, and text that looks like a number."""
    import xlsxwriter  # type: ignore[import-untyped]

    header = ["Review ID", "Date", "Stars", "Title", "Review", "Version", "Country"]
    header += ["Device code", "User e-mail", "Developer reply"]
    with xlsxwriter.Workbook(str(path), {"strings_to_urls": False}) as book:
        book.set_properties({"created": datetime(2026, 11, 1), "title": "Nilo app reviews"})
        sheet = book.add_worksheet("Reviews")
        day, bold = (
            book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
            book.add_format({"bold": 1}),
        )
        sheet.write_row(0, 0, header, bold)
        sheet.set_column(1, 1, 16)
        sheet.set_column(3, 4, 40)
        for i, review in enumerate(reviews, 1):
            sheet.write_string(i, 0, review.voice_id)
            sheet.write_datetime(i, 1, review.at.replace(tzinfo=None), day)
            sheet.write_number(i, 2, review.row["stars"])
            for column, value in enumerate(_review_cells(review, replies, rng), 3):
                if value:
                    sheet.write_string(i, column, value)


def write_customers(path: Path, customers: list[Customer], rng: random.Random) -> None:
    """The CRM export: keys in whatever spelling somebody once typed."""
    header = ["Customer ID", "First name", "Last name", "E-mail", "Phone", "Social handle"]
    header += ["Segment", "Country", "Language", "Customer since", "City"]
    rows = []
    for customer in customers:
        person, country = customer.person, customer.person.group.country
        email = customer.email
        if email and rng.random() < 0.15:
            email = write_email(email, rng)
        rows.append(
            [
                customer.customer_id,
                person.first,
                person.last,
                email,
                _write_crm_phone(customer.phone, country, rng),
                rng.choice(("@", "")) + customer.handle if customer.handle else "",
                customer.segment,
                country,
                person.group.lang,
                customer.since.isoformat(),
                customer.city,
            ]
        )
    _write_csv(path, header, rows)


def write_events(path: Path, events: list[Event]) -> None:
    """The events of the warehouse, in UTC."""
    rows = [
        [
            event.customer.customer_id,
            event.at.strftime("%Y-%m-%d %H:%M:%S"),
            event.kind,
            "" if event.amount is None else f"{event.amount:.2f}",
            "" if event.amount is None else event.customer.person.group.currency,
        ]
        for event in events
    ]
    _write_csv(path, ["Customer ID", "Date", "Event", "Amount", "Currency"], rows)


def _review_cells(review: Voice, replies: dict[str, list[str]], rng: random.Random) -> list[str]:
    version = str(review.row.get("version", ""))
    if LATE_THEME not in review.themes or not version.startswith("5.2"):
        version = release_on(review.at.date(), lag=rng.choice((0, 0, 0, 1)))
        if LATE_THEME in review.themes:
            version = release_on(review.at.date())
    answered = rng.random() < 0.18
    email = review.person.email if review.person else ""
    country = (
        review.customer.person.group.country
        if review.customer
        else rng.choice(_COUNTRIES.get(review.lang, ("GB",)))
    )
    return [
        review.row.get("title", ""),
        review.text,
        version,
        country,
        f"{rng.randrange(1, 400):03d}",
        write_email(email, rng) if email else "",
        rng.choice(replies.get(review.lang, replies["en"])) if answered else "",
    ]


def _write_crm_phone(phone: str, country: str, rng: random.Random) -> str:
    """International, or as it is written inside the country."""
    if country in _TRUNKS and phone and rng.random() < 0.4:
        prefix, trunk = _TRUNKS[country]
        return phone.replace(prefix, trunk, 1)
    return phone


def _recase(handle: str, rng: random.Random) -> str:
    return rng.choice((handle, handle, handle.lower()))


def _write_csv(
    path: Path, header: list[str], rows: list[list[Any]], delimiter: str = ",", bom: bool = False
) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *rows])
    path.write_bytes(buffer.getvalue().encode("utf-8-sig" if bom else "utf-8"))
