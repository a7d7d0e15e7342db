"""What attention goes by unless it is configured."""

# How much each part of the signal score weighs; they add up to 1. Reach, growth, feeling and value
# are what makes a theme matter and weigh about the same; breadth and confidence say how far that
# can be trusted.
DEFAULT_WEIGHTS = {
    "reach": 0.25,
    "growth": 0.2,
    "feeling": 0.2,
    "value": 0.2,
    "breadth": 0.05,
    "confidence": 0.1,
}
# Names of columns that are compared where feedback has them.
DEFAULT_COLUMNS = (
    *("brand", "product", "competitor", "airline", "app", "version", "location", "company"),
)
