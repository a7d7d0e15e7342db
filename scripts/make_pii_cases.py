"""Make the sentences with personal data in Hebrew, Arabic and Persian: tests/cases/pii/*.jsonl.

Frames are written by hand (scripts/pii_frames); what fills them is Faker's (MIT) or drawn here.
Nothing in them belongs to anybody. `pip install --target FOLDER faker==40.54.0`, then
`PYTHONPATH=.:FOLDER python scripts/make_pii_cases.py`.
"""

import json
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlp.masking.check_digits import CHECK_DIGITS

FRAMES = Path(__file__).parent / "pii_frames"
OUTPUT = Path(__file__).parents[1] / "tests" / "cases" / "pii"
N_PER_FRAME = 13
SEED = 5
NATIVE = {"ar": "٠١٢٣٤٥٦٧٨٩", "fa": "۰۱۲۳۴۵۶۷۸۹"}
LOCALES = {"he": "he_IL", "ar": "ar_SA", "fa": "fa_IR"}
# What a slot holds that is no personal data.
HARMLESS = {"ORDER", "DATE", "SMALL", "AMOUNT"}
KINDS = {"EGID": "ID", "AEID": "ID", "URL": "TOKEN"}
PHONES = {
    "he": ["05#-#######", "05#-###-####", "05########", "+972-5#-#######", "+972 5# ### ####",
           "0#-#######", "972-5#-#######", "(0#) #######", "1-700-###-###"],
    "ar": ["05########", "+966 5# ### ####", "009665########", "+9715########", "01#########",
           "+20 10 #### ####", "050 ### ####", "(011) ### ####", "+962 7 #### ####"],
    "fa": ["0912#######", "0935 ### ####", "0919-###-####", "+98 912 ### ####", "0098912#######",
           "021-########", "021 #### ####", "(021) ########", "09#########"],
}  # fmt: skip
IBANS = {
    "he": [("IL", 19)],
    "ar": [("SA", 20), ("AE", 19), ("JO", 26), ("EG", 25)],
    "fa": [("IR", 22)],
}
STREETS_AR = ["شارع الملك فهد", "شارع التحرير", "شارع الشيخ زايد", "حي النزهة", "طريق المدينة"]
STREETS_HE = ["רחוב הרצל", "שדרות רוטשילד", "רח' ויצמן", "רחוב בן יהודה", "רחוב אחד העם"]
STREETS_FA = ["خیابان ولیعصر", "خیابان آزادی", "بلوار کشاورز", "خیابان شریعتی"]


def main() -> None:
    from faker import Faker

    OUTPUT.mkdir(parents=True, exist_ok=True)
    for lang, locale in LOCALES.items():
        draw = random.Random(f"{SEED} {lang}")
        faker, world = Faker(locale), Faker("en_US")
        for each in (faker, world):
            each.seed_instance(SEED)
        frames = (FRAMES / f"{lang}.txt").read_text(encoding="utf-8").splitlines()
        rows = [
            fill(frame, number, lang, Drawing(lang, draw, faker, world))
            for number, frame in enumerate(frames)
            for _ in range(N_PER_FRAME)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (OUTPUT / f"{lang}.jsonl").write_text(lines, encoding="utf-8")
        print(f"{lang}: {len(frames)} frames, {len(rows)} sentences")


class Drawing:
    """Draws what fills a slot."""

    def __init__(self, lang: str, draw: random.Random, faker: Any, world: Any) -> None:
        self.lang, self.draw, self.faker, self.world = lang, draw, faker, world

    def value(self, slot: str) -> str:
        """Draw what fills a slot."""
        drawers: dict[str, Callable[[], str]] = {
            "PERSON": lambda: f"{self.faker.first_name()} {self.faker.last_name()}",
            "PHONE": lambda: self.native(self.digits(self.draw.choice(PHONES[self.lang]))),
            "EMAIL": self.world.email,
            "CARD": self.card,
            "IBAN": self.iban,
            "ID": lambda: self.native(self.national_id()),
            "EGID": lambda: self.native(
                "2" + self.world.date("%y%m%d") + self.digits("01#####")
            ),
            "AEID": lambda: self.checked(self.digits("784-19##-#######-"), "luhn"),
            "IP": lambda: self.world.ipv4() if self.draw.random() < 0.8 else self.world.ipv6(),
            "URL": lambda: (
                f"https://{self.world.domain_name()}/reset?token={self.world.sha1()[:24]}"
            ),
            "BIRTHDATE": lambda: self.native(
                self.world.date(self.draw.choice(["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y"]))
            ),
            "ADDRESS": self.address,
            "ORDER": lambda: self.native(self.digits("########")),
            "DATE": lambda: self.native(self.world.date("%d/%m/%Y")),
            "SMALL": lambda: self.native(str(self.draw.randint(2, 9))),
            "AMOUNT": lambda: self.native(f"{self.draw.randint(20, 9999):,}"),
        }  # fmt: skip
        return drawers[slot]()

    def digits(self, form: str) -> str:
        """Draw a digit for each #."""
        return re.sub("#", lambda _: str(self.draw.randint(2, 9)), form)

    def native(self, text: str) -> str:
        """Write half of the numbers in the digits of the language."""
        if self.lang not in NATIVE or self.draw.random() < 0.5:
            return text
        return text.translate(str.maketrans("0123456789", NATIVE[self.lang]))

    def checked(self, head: str, name: str) -> str:
        """Append the digit that makes a number valid."""
        plain = re.sub(r"\D", "", head)
        return next((head + d for d in "0123456789" if CHECK_DIGITS[name](plain + d)), "")

    def national_id(self) -> str:
        """Draw the number of a person, with its check digit."""
        if self.lang == "fa":
            return self.checked(self.digits("00########")[:9], "iranian")
        return self.checked(self.digits("########" if self.lang == "he" else "1########"), "luhn")

    def card(self) -> str:
        """Draw a card number, half of them in groups."""
        number = self.world.credit_card_number("visa16")
        if self.draw.random() < 0.5:
            sign = self.draw.choice(" -")
            number = sign.join(number[at : at + 4] for at in range(0, 16, 4))
        return self.native(number)

    def iban(self) -> str:
        """Draw an IBAN, some in groups."""
        country, n = self.draw.choice(IBANS[self.lang])
        body = "".join(str(self.draw.randint(0, 9)) for _ in range(n))
        number = "".join(str(int(char, 36)) for char in body + country + "00")
        code = f"{country}{98 - int(number) % 97:02}{body}"
        is_grouped = self.draw.random() < 0.4
        return " ".join(re.findall(".{1,4}", code)) if is_grouped else code

    def address(self) -> str:
        """Draw a street with its number."""
        number = self.draw.randint(1, 180)
        if self.lang == "he":
            return (
                f"{self.draw.choice(STREETS_HE)} {number} {self.draw.choice(['חיפה', 'תל אביב'])}"
            )
        if self.lang == "ar":
            return f"{self.draw.choice(STREETS_AR)} {self.native(str(number))}"
        return f"{self.draw.choice(STREETS_FA)} پلاک {self.native(str(number))}"


def fill(frame: str, number: int, lang: str, drawing: Drawing) -> dict[str, Any]:
    text, spans, at = "", [], 0
    for match in re.finditer(r"\{([A-Z]+)\}", frame):
        text += frame[at : match.start()]
        value, slot = drawing.value(match[1]), match[1]
        start = len(text) + (value.index("=") + 1 if slot == "URL" else 0)
        text += value
        if slot not in HARMLESS:
            spans.append({"type": KINDS.get(slot, slot), "start": start, "end": len(text)})
        at = match.end()
    text += frame[at:]
    half = "dev" if zlib.crc32(frame.encode()) % 2 else "test"
    return {"id": f"{lang}-{number}", "text": text, "lang": lang, "split": half, "spans": spans}


if __name__ == "__main__":
    main()
