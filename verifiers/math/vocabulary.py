"""The names of the grammar, in LaTeX, plain text and Unicode, and the one form of each."""

FUNCTIONS = frozenset({
    "sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "sinh", "cosh", "tanh",
    "ln", "log", "exp", "sqrt", "cbrt", "abs", "factorial", "binomial", "det", "max", "min", "gcd",
    "lcm",
})  # fmt: skip
"""The functions of the grammar."""

FUNCTION_NAMES = {name: name for name in FUNCTIONS} | {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "cosec": "csc", "cotan": "cot",
    "tg": "tan", "ctg": "cot", "lg": "lg", "binom": "binomial", "Sqrt": "sqrt", "Abs": "abs",
}  # fmt: skip
"""Other spellings of the functions."""
CONSTANTS = {"pi": "pi", "infty": "infinity", "infinity": "infinity", "inf": "infinity",
              "oo": "infinity", "Infinity": "infinity"}  # fmt: skip
"""Spellings of constants."""
_GREEK_TEXT = """
alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho
sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell
hbar
"""
GREEK = frozenset(_GREEK_TEXT.split())
"""Greek letters and letters like them."""
OPERATORS = {
    "+": "+", "-": "-", "*": "*", "/": "/", "^": "^", "!": "!", "%": "%", "_": "_", "'": "'",
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "\u00d7": "*", "\u00b7": "*", "\u00f7": "/",
    "\u22c5": "*", "\u2217": "*", "\u2215": "/", "prime": "'", "\u2032": "'",
    "pm": "pm", "mp": "mp", "\u00b1": "pm", "\u2213": "mp",
    "cup": "union", "bigcup": "union", "\u222a": "union", "cap": "intersection",
    "\u2229": "intersection", "setminus": "without", "backslash": "without",
}  # fmt: skip
"""Spellings of operators."""
RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "=<": "<=",
    "lt": "<", "gt": ">", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "ne": "!=", "neq": "!=", "\u2264": "<=", "\u2265": ">=", "\u2260": "!=",
    "\u2a7d": "<=", "\u2a7e": ">=", "in": "in", "\u2208": "in",
    "approx": "~", "\u2248": "~", "equiv": "=", "\u2261": "=", "coloneqq": "=", ":=": "=",
}  # fmt: skip
"""Spellings of relations."""
OPENING = {"(": "(", "[": "[", "{": "{", "\\{": "\\{", "langle": "<", "lbrace": "\\{",
            "lbrack": "[", "lvert": "|", "\u27e8": "<", "lparen": "("}  # fmt: skip
"""Opening brackets."""
CLOSING = {")": ")", "]": "]", "}": "}", "\\}": "\\}", "rangle": ">", "rbrace": "\\}",
            "rbrack": "]", "rvert": "|", "\u27e9": ">", "rparen": ")"}  # fmt: skip
"""Closing brackets."""
_LAYOUT_TEXT = """
left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle quad qquad
limits nolimits mathstrut strut hfill middle scriptstyle
"""
LAYOUT = frozenset(_LAYOUT_TEXT.split())
"""Commands without a meaning."""
STRUCTURE = {"frac": "frac", "dfrac": "frac", "tfrac": "frac", "cfrac": "frac",
              "binom": "binom", "dbinom": "binom", "tbinom": "binom", "sqrt": "sqrt"}  # fmt: skip
"""Commands that take arguments in braces."""
SETS = {"R": "reals", "N": "N", "Z": "Z", "Q": "Q", "C": "C"}
"""Sets in blackboard letters."""
JOINTS = {"and": "and", "or": "or", "AND": "and", "OR": "or", "\u548c": "and", "\u6216": "or",
           "wedge": "and", "land": "and", "vee": "or", "lor": "or", "\u4e0e": "and"}  # fmt: skip
"""Words and signs between alternatives."""
_SHORT_WORDS_TEXT = """
yes no not odd all any one two six ten none dne
"""
SHORT_WORDS = frozenset(_SHORT_WORDS_TEXT.split())
"""Runs of three letters or fewer that are words and no products."""
SUPERSCRIPTS = str.maketrans(
    "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207f", "0123456789-n"
)
"""Raised characters."""
SUBSCRIPTS = str.maketrans("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089",
                            "0123456789")  # fmt: skip
"""Lowered characters."""
