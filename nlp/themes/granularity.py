"""How fine themes can be; what it does is in ``levels``."""

from typing import Literal, get_args

Granularity = Literal["coarse", "normal", "fine"]
GRANULARITIES: tuple[Granularity, ...] = get_args(Granularity)
