"""Words that are numbers, multiply one, or say something else about it, for all who read them."""

MULTIPLIERS = {
    "dozen": 12, "hundred": 100, "thousand": 10**3, "lakh": 10**5, "million": 10**6,
    "crore": 10**7, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15,
    "quintillion": 10**18,
}  # fmt: skip
MULTIPLIERS |= {f"{word}s": value for word, value in MULTIPLIERS.items()}
"""Words that multiply the number in front of them."""

_SMALL_NUMBERS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
"""
_PARTS = """
half halves third quarter fourth fifth sixth seventh eighth ninth tenth eleventh twelfth twentieth
hundredth thousandth millionth billionth
"""
NUMBER_WORDS = frozenset({*_SMALL_NUMBERS.split(), *MULTIPLIERS})
"""Numbers in words."""
PARTS = frozenset(word + end for word in _PARTS.split() for end in ("", "s"))
"""Fractions in words."""

_OTHER_VALUES = """
squared cubed factorial doubled tripled quadrupled halved negated negative inverted inverse
reciprocal opposite mille permille gross googol googols myriad myriads
"""
_UNKNOWN_MAGNITUDES = ("illion", "illions", "illionth", "illionths", "illiard", "illiards", "fold")
# `4 quarters` are coins more often than a number, and `4 sixth graders` are no fraction.
_CHANGES = frozenset(_OTHER_VALUES.split()) | {
    part for part in PARTS if part.endswith("s") and part != "quarters"
}
_PERCENT = frozenset({"percent", "percents", "percentage", "percentages", "pct"})

_DENIALS = """
not never cannot cant isnt nor neither wrong incorrect false untrue impossible unlikely doubt hardly
maybe perhaps possibly probably
"""
DENIALS = frozenset(_DENIALS.split())
"""Words that take back, or leave open, what they are said of."""

_COMPARISONS = """
less more fewer than least most about around approximately under over above below beyond between
nearly almost exceeds exceeding
"""
_OPERATIONS = """
plus minus times multiplied divided mod modulo twice thrice double triple treble quadruple square
cube root reciprocal inverse opposite negation factorial logarithm power multiple factor divisor
"""
COMPARISONS = frozenset(_COMPARISONS.split())
"""Words that put a number in relation to another one."""
OPERATIONS = frozenset(_OPERATIONS.split())
"""Words that compute with a number behind them."""
_OTHER_WORDS = """
or and but either to by point points log ln exp sqrt sin cos tan sec csc cot sinh cosh tanh lim det
alpha beta gamma delta epsilon zeta theta iota kappa lambda omega sigma infinity infinite undefined
base remainder except unless if when where is are equals
"""
NEVER_UNITS = frozenset({
    *NUMBER_WORDS, *PARTS, *DENIALS, *COMPARISONS, *OPERATIONS, *_PERCENT, *_CHANGES,
    *_OTHER_WORDS.split(),
}) - {"square", "cube"}  # fmt: skip
"""Words that change what a number says, so that they are never a unit to be dropped."""


def changes_number(word: str) -> bool:
    """Whether a word behind a number, in lower case, says that another number is meant."""
    return word in _CHANGES or word.endswith(_UNKNOWN_MAGNITUDES)


def denies(word: str) -> bool:
    """Whether a word, in lower case, takes back or leaves open what it is said of."""
    return word in DENIALS or word.endswith(("n't", "n\u2019t"))
