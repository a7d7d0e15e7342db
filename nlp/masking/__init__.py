"""Personal data replaced by placeholders before anything is stored, embedded or shown.

`kinds` says what is looked for, as data; `masks` replaces it; `names` finds people.
"""

from nlp.masking.kinds import check_template
from nlp.masking.masks import STANDARD, Masked, MaskedSpan, Masking, mask_text

__all__ = ["STANDARD", "Masked", "MaskedSpan", "Masking", "check_template", "mask_text"]
