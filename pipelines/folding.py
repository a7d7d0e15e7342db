"""Names of columns and kinds as they are compared, whatever their spelling."""

import re
import unicodedata
from functools import cache

# Optional marks of Arabic and Hebrew, and letters that keyboards of one script vary.
_FOLD = str.maketrans(
    {"ي": "ی", "ى": "ی", "ك": "ک", "أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "ـ": ""}
)


@cache
def fold_name(name: str) -> str:
    """Reduce a name to what is compared: words in lower case, without marks or punctuation."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    plain = unicodedata.normalize("NFKC", spaced).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) not in ("Mn", "Cf"))
    return " ".join(re.findall(r"[^\W_]+", plain.translate(_FOLD)))
