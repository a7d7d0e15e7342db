"""A share as people read it: one way to round, on pages, in the terminal and in the browser."""


def show_share(part: float | None, whole: float = 1.0) -> str:
    """Write a part as a percentage; never 0% of something, nor 100% of less than all.

    Halves go up, also those that a float holds as a little less: .145 is 15%. The page's script
    (``templates/page/wording.js``) rounds the same way.
    """
    if part is None or not whole:
        return "–"
    share = part / whole
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{int(round(share * 100, 6) + 0.5)}%"
