"""Operations on strings of lower-case letters and spaces, and on lists of words."""

from gym_reason.envs.code.tree import Operation

_VOWELS = "aeiou"
_LETTERS = ("a", "e", "n", "o", "r", "s", "t")


def _text(
    name: str,
    gives: str,
    code: str,
    words: str,
    apply: object,
    constants: tuple[int | str, ...] = (),
    takes: tuple[str, ...] = ("str",),
) -> Operation:
    assert callable(apply)
    return Operation(name, "strings", takes, gives, code, words, apply, constants)


def _words(
    name: str,
    gives: str,
    code: str,
    words: str,
    apply: object,
    constants: tuple[int | str, ...] = (),
) -> Operation:
    return _text(name, gives, code, words, apply, constants, ("words",))


def _shift(s: str, k: int) -> str:
    return "".join(chr((ord(ch) - 97 + k) % 26 + 97) if "a" <= ch <= "z" else ch for ch in s)


def _squeeze(s: str) -> str:
    return "".join(ch for i, ch in enumerate(s) if i == 0 or ch != s[i - 1])


_SHIFT = """{out} = ""
for ch in {0}:
    if "a" <= ch <= "z":
        {out} += chr((ord(ch) - 97 + {k}) % 26 + 97)
    else:
        {out} += ch"""

_FROM_STRINGS = (
    _text("turn", "str", "{0}[::-1]", "the string {0} reversed", lambda s: s[::-1]),
    _text("upper", "str", "{0}.upper()", "the string {0} in upper case", str.upper),
    _text(
        "drop_vowels",
        "str",
        '"".join(ch for ch in {0} if ch not in "aeiou")',
        "the string {0} without the letters a, e, i, o and u",
        lambda s: "".join(ch for ch in s if ch not in _VOWELS),
    ),
    _text(
        "keep_vowels",
        "str",
        '"".join(ch for ch in {0} if ch in "aeiou")',
        "the string of the letters a, e, i, o and u of {0}, in order",
        lambda s: "".join(ch for ch in s if ch in _VOWELS),
    ),
    _text(
        "head",
        "str",
        "{0}[:{k}]",
        "the string of up to {k} characters from the start of {0}",
        lambda s, k: s[:k],
        (2, 3, 4, 5),
    ),
    _text(
        "behead",
        "str",
        "{0}[{k}:]",
        "the string {0} without up to {k} characters at its start",
        lambda s, k: s[k:],
        (1, 2, 3, 4),
    ),
    _text(
        "every_character",
        "str",
        "{0}[::{k}]",
        "the string of every character of {0} whose index, from 0, is a multiple of {k}",
        lambda s, k: s[::k],
        (2, 3),
    ),
    _text(
        "rotate_string",
        "str",
        "{0}[{k}:] + {0}[:{k}]",
        "the string {0} with up to {k} characters moved from its start to its end",
        lambda s, k: s[k:] + s[:k],
        (1, 2, 3),
    ),
    _text(
        "shift",
        "str",
        _SHIFT,
        "the string {0} with each letter from a to z moved on by {k} in the alphabet, "
        "which goes on with a after z",
        _shift,
        (1, 2, 3, 13),
    ),
    _text(
        "sort_characters",
        "str",
        '"".join(sorted({0}))',
        "the string of the characters of {0} in ascending order",
        lambda s: "".join(sorted(s)),
    ),
    _text(
        "distinct_characters",
        "str",
        '"".join(dict.fromkeys({0}))',
        "the string of the distinct characters of {0} in the order of their first appearance",
        lambda s: "".join(dict.fromkeys(s)),
    ),
    _text(
        "squeeze",
        "str",
        '"".join(ch for i, ch in enumerate({0}) if i == 0 or ch != {0}[i - 1])',
        "the string {0} without each character that equals the one before it",
        _squeeze,
    ),
    _text(
        "drop_letter",
        "str",
        '{0}.replace({k}, "")',
        "the string {0} without the letter {k}",
        lambda s, k: s.replace(k, ""),
        _LETTERS,
    ),
    _text(
        "double_letter",
        "str",
        "{0}.replace({k}, {k} * 2)",
        "the string {0} with each letter {k} written twice",
        lambda s, k: s.replace(k, k * 2),
        _LETTERS,
    ),
    _text("string_length", "int", "len({0})", "the number of characters of {0}", len),
    _text(
        "count_vowels",
        "int",
        'sum(1 for ch in {0} if ch in "aeiou")',
        "how many characters of {0} are among a, e, i, o and u",
        lambda s: sum(ch in _VOWELS for ch in s),
    ),
    _text(
        "count_letter",
        "int",
        "{0}.count({k})",
        "how often the letter {k} is in {0}",
        lambda s, k: s.count(k),
        _LETTERS,
    ),
    _text(
        "count_characters",
        "int",
        "len(set({0}))",
        "the number of different characters in {0}",
        lambda s: len(set(s)),
    ),
    _text(
        "find_letter",
        "int",
        "{0}.find({k})",
        "the index, from 0, of the first letter {k} in {0}, or -1 if there is none",
        lambda s, k: s.find(k),
        _LETTERS,
    ),
    _text(
        "is_palindrome",
        "bool",
        "{0} == {0}[::-1]",
        "whether {0} reads the same backwards",
        lambda s: s == s[::-1],
    ),
    _text(
        "split",
        "words",
        "{0}.split()",
        "the list of the words of {0}, which spaces separate",
        str.split,
    ),
    _text(
        "join_strings",
        "str",
        "{0} + {1}",
        "the string {0} followed by {1}",
        lambda s, t: s + t,
        takes=("str", "str"),
    ),
    _text(
        "only_in_both",
        "str",
        '"".join(ch for ch in {0} if ch in {1})',
        "the string of the characters of {0} that are in {1} too, in order",
        lambda s, t: "".join(ch for ch in s if ch in t),
        takes=("str", "str"),
    ),
    _text(
        "count_agreements",
        "int",
        "sum(1 for x, y in zip({0}, {1}) if x == y)",
        "at how many indices {0} and {1} have the same character",
        lambda s, t: sum(x == y for x, y in zip(s, t, strict=False)),
        takes=("str", "str"),
    ),
)
_FROM_WORDS = (
    _words(
        "turn_each",
        "words",
        "[w[::-1] for w in {0}]",
        "the list {0} with each word reversed",
        lambda ws: [w[::-1] for w in ws],
    ),
    _words("sort_words", "words", "sorted({0})", "the list {0} in alphabetical order", sorted),
    _words(
        "sort_by_length",
        "words",
        "sorted({0}, key=len)",
        "the list {0} sorted by length, shortest first, where words of one length keep their order",
        lambda ws: sorted(ws, key=len),
    ),
    _words("turn_words", "words", "{0}[::-1]", "the list {0} reversed", lambda ws: ws[::-1]),
    _words(
        "keep_longer",
        "words",
        "[w for w in {0} if len(w) > {k}]",
        "the words in {0} with more than {k} letters",
        lambda ws, k: [w for w in ws if len(w) > k],
        (2, 3, 4),
    ),
    _words(
        "keep_with_letter",
        "words",
        "[w for w in {0} if {k} in w]",
        "the words in {0} that have the letter {k} in them",
        lambda ws, k: [w for w in ws if k in w],
        _LETTERS,
    ),
    _words(
        "distinct_words",
        "words",
        "list(dict.fromkeys({0}))",
        "the distinct words of {0} in the order of their first appearance",
        lambda ws: list(dict.fromkeys(ws)),
    ),
    _words(
        "lengths",
        "ints",
        "[len(w) for w in {0}]",
        "the list of the lengths of the words in {0}",
        lambda ws: [len(w) for w in ws],
    ),
    _words("count_words", "int", "len({0})", "the number of words in {0}", len),
    _words(
        "join_with",
        "str",
        "{k}.join({0})",
        "the words in {0} as one string with {k} between them",
        lambda ws, k: k.join(ws),
        (" ", "-", "+", ", "),
    ),
    _words(
        "initials",
        "str",
        '"".join(w[0] for w in {0})',
        "the string of the first letters of the words in {0}",
        lambda ws: "".join(w[0] for w in ws),
    ),
    _words(
        "longest_word",
        "str",
        'max({0}, key=len, default="")',
        "the first longest word in {0}, or an empty string if there is none",
        lambda ws: max(ws, key=len, default=""),
    ),
    _words(
        "first_word",
        "str",
        'min({0}, default="")',
        "the word in {0} that is first in alphabetical order, or an empty string if there is none",
        lambda ws: min(ws, default=""),
    ),
)

OPERATIONS: tuple[Operation, ...] = (*_FROM_STRINGS, *_FROM_WORDS)
"""Operations on strings and words."""
