"""Operations on lists of integers."""

from itertools import accumulate, pairwise

from gym_reason.envs.code.tree import Operation


def _list(
    name: str, gives: str, code: str, words: str, apply: object, constants: tuple[int, ...] = ()
) -> Operation:
    assert callable(apply)
    return Operation(name, "lists", ("ints",), gives, code, words, apply, constants)


def _both(name: str, takes: str, gives: str, code: str, words: str, apply: object) -> Operation:
    assert callable(apply)
    return Operation(name, "lists", ("ints", takes), gives, code, words, apply)


def _longest_rise(xs: list[int]) -> int:
    best = run = 0
    for i, x in enumerate(xs):
        run = run + 1 if i and x > xs[i - 1] else 1
        best = max(best, run)
    return best


def _best_sum(xs: list[int]) -> int:
    best = total = 0
    for x in xs:
        total = max(0, total + x)
        best = max(best, total)
    return best


def _product(xs: list[int]) -> int:
    total = 1
    for x in xs:
        total *= x
    return total


_SMALL = (2, 3, 4, 5)
_FEW = (1, 2, 3, 4)
_LIMITS = (-2, 0, 1, 3, 5, 8)
_RUNNING = "{out} = []\ntotal = 0\nfor x in {0}:\n    total += x\n    {out}.append(total)"
_RISE = """{out} = 0
run = 0
for i, x in enumerate({0}):
    if i > 0 and x > {0}[i - 1]:
        run += 1
    else:
        run = 1
    {out} = max({out}, run)"""
_SUBLIST = """{out} = 0
total = 0
for x in {0}:
    total = max(0, total + x)
    {out} = max({out}, total)"""
_PRODUCT = "{out} = 1\nfor x in {0}:\n    {out} *= x"

_TO_LISTS = (
    _list(
        "keep_multiples",
        "ints",
        "[x for x in {0} if x % {k} == 0]",
        "the numbers in {0} that are divisible by {k}",
        lambda xs, k: [x for x in xs if x % k == 0],
        _SMALL,
    ),
    _list(
        "keep_others",
        "ints",
        "[x for x in {0} if x % {k} != 0]",
        "the numbers in {0} that are not divisible by {k}",
        lambda xs, k: [x for x in xs if x % k != 0],
        _SMALL,
    ),
    _list(
        "keep_above",
        "ints",
        "[x for x in {0} if x > {k}]",
        "the numbers in {0} greater than {k}",
        lambda xs, k: [x for x in xs if x > k],
        _LIMITS,
    ),
    _list(
        "keep_below",
        "ints",
        "[x for x in {0} if x < {k}]",
        "the numbers in {0} less than {k}",
        lambda xs, k: [x for x in xs if x < k],
        _LIMITS,
    ),
    _list(
        "add_each",
        "ints",
        "[x + {k} for x in {0}]",
        "the list {0} with {k} added to each number",
        lambda xs, k: [x + k for x in xs],
        (1, 2, 3, 5, 7),
    ),
    _list(
        "times_each",
        "ints",
        "[{k} * x for x in {0}]",
        "the list {0} with each number multiplied by {k}",
        lambda xs, k: [k * x for x in xs],
        _SMALL,
    ),
    _list(
        "mod_each",
        "ints",
        "[x % {k} for x in {0}]",
        "the list of the remainders, never negative, of the numbers in {0} divided by {k}",
        lambda xs, k: [x % k for x in xs],
        (2, 3, 4, 5, 7),
    ),
    _list(
        "square_each",
        "ints",
        "[x * x for x in {0}]",
        "the list of the squares of the numbers in {0}",
        lambda xs: [x * x for x in xs],
    ),
    _list(
        "negate_each",
        "ints",
        "[-x for x in {0}]",
        "the list {0} with the sign of each number changed",
        lambda xs: [-x for x in xs],
    ),
    _list(
        "abs_each",
        "ints",
        "[abs(x) for x in {0}]",
        "the list of the absolute values of the numbers in {0}",
        lambda xs: [abs(x) for x in xs],
    ),
    _list("sort", "ints", "sorted({0})", "the list {0} sorted in ascending order", sorted),
    _list(
        "sort_down",
        "ints",
        "sorted({0}, reverse=True)",
        "the list {0} sorted in descending order",
        lambda xs: sorted(xs, reverse=True),
    ),
    _list("reverse", "ints", "{0}[::-1]", "the list {0} reversed", lambda xs: xs[::-1]),
    _list(
        "distinct",
        "ints",
        "list(dict.fromkeys({0}))",
        "the distinct numbers of {0} in the order of their first appearance",
        lambda xs: list(dict.fromkeys(xs)),
    ),
    _list(
        "take",
        "ints",
        "{0}[:{k}]",
        "the list of up to {k} elements from the start of {0}",
        lambda xs, k: xs[:k],
        _FEW,
    ),
    _list(
        "skip",
        "ints",
        "{0}[{k}:]",
        "the list {0} without up to {k} elements at its start",
        lambda xs, k: xs[k:],
        _FEW,
    ),
    _list(
        "every",
        "ints",
        "{0}[::{k}]",
        "the list of every element of {0} whose index, from 0, is a multiple of {k}",
        lambda xs, k: xs[::k],
        (2, 3),
    ),
    _list(
        "rotate",
        "ints",
        "{0}[{k}:] + {0}[:{k}]",
        "the list {0} with up to {k} elements moved from its start to its end",
        lambda xs, k: xs[k:] + xs[:k],
        (1, 2, 3),
    ),
    _list(
        "running_sums",
        "ints",
        _RUNNING,
        "the list of the running sums of {0}",
        lambda xs: list(accumulate(xs)),
    ),
    _list(
        "differences",
        "ints",
        "[{0}[i + 1] - {0}[i] for i in range(len({0}) - 1)]",
        "the list of each element of {0} but the first minus the element before it",
        lambda xs: [after - before for before, after in pairwise(xs)],
    ),
    _list(
        "times_index",
        "ints",
        "[i * x for i, x in enumerate({0})]",
        "the list {0} with each number multiplied by its index, from 0",
        lambda xs: [i * x for i, x in enumerate(xs)],
    ),
    _list(
        "above_before",
        "ints",
        "[x for i, x in enumerate({0}) if all(y < x for y in {0}[:i])]",
        "the numbers in {0} that are greater than all numbers before them",
        lambda xs: [x for i, x in enumerate(xs) if all(y < x for y in xs[:i])],
    ),
)
_TO_NUMBERS = (
    _list("total", "int", "sum({0})", "the sum of {0}", sum),
    _list("product", "int", _PRODUCT, "the product of {0}, which is 1 for no numbers", _product),
    _list(
        "largest",
        "int",
        "max({0}, default=0)",
        "the largest number in {0}, or 0 if there is none",
        lambda xs: max(xs, default=0),
    ),
    _list(
        "smallest",
        "int",
        "min({0}, default=0)",
        "the smallest number in {0}, or 0 if there is none",
        lambda xs: min(xs, default=0),
    ),
    _list("length", "int", "len({0})", "the number of elements of {0}", len),
    _list(
        "count_distinct",
        "int",
        "len(set({0}))",
        "the number of different values in {0}",
        lambda xs: len(set(xs)),
    ),
    _list(
        "count_above",
        "int",
        "sum(1 for x in {0} if x > {k})",
        "how many numbers in {0} are greater than {k}",
        lambda xs, k: sum(x > k for x in xs),
        _LIMITS,
    ),
    _list(
        "count_multiples",
        "int",
        "sum(1 for x in {0} if x % {k} == 0)",
        "how many numbers in {0} are divisible by {k}",
        lambda xs, k: sum(x % k == 0 for x in xs),
        _SMALL,
    ),
    _list(
        "spread",
        "int",
        "max({0}, default=0) - min({0}, default=0)",
        "the largest number in {0} minus the smallest, or 0 if there is none",
        lambda xs: max(xs, default=0) - min(xs, default=0),
    ),
    _list(
        "place_of_largest",
        "int",
        "{0}.index(max({0})) if {0} else -1",
        "the index, from 0, of the first largest number in {0}, or -1 if there is none",
        lambda xs: xs.index(max(xs)) if xs else -1,
    ),
    _list(
        "alternating_sum",
        "int",
        "sum({0}[::2]) - sum({0}[1::2])",
        "the sum of the elements of {0} at even indices, from 0, minus the sum of the others",
        lambda xs: sum(xs[::2]) - sum(xs[1::2]),
    ),
    _list(
        "count_rises",
        "int",
        "sum(1 for i in range(1, len({0})) if {0}[i] > {0}[i - 1])",
        "how many elements of {0} are greater than the element before them",
        lambda xs: sum(after > before for before, after in pairwise(xs)),
    ),
    _list(
        "longest_rise",
        "int",
        _RISE,
        "the length of the longest run of neighbouring elements of {0} that strictly increase",
        _longest_rise,
    ),
    _list(
        "best_sum",
        "int",
        _SUBLIST,
        "the largest sum of neighbouring elements of {0}, where no element at all counts as 0",
        _best_sum,
    ),
    _list(
        "is_sorted",
        "bool",
        "{0} == sorted({0})",
        "whether {0} is in ascending order",
        lambda xs: xs == sorted(xs),
    ),
)
_TOGETHER = (
    _both(
        "add_pairs",
        "ints",
        "ints",
        "[x + y for x, y in zip({0}, {1})]",
        "the list of the sums of the elements of {0} and {1} at the same index, "
        "as far as both reach",
        lambda xs, ys: [x + y for x, y in zip(xs, ys, strict=False)],
    ),
    _both(
        "larger_of_pairs",
        "ints",
        "ints",
        "[max(x, y) for x, y in zip({0}, {1})]",
        "the list of the larger of the elements of {0} and {1} at the same index, "
        "as far as both reach",
        lambda xs, ys: [max(x, y) for x, y in zip(xs, ys, strict=False)],
    ),
    _both(
        "join_lists",
        "ints",
        "ints",
        "{0} + {1}",
        "the list of the elements of {0} followed by those of {1}",
        lambda xs, ys: xs + ys,
    ),
    _both(
        "common",
        "ints",
        "ints",
        "[x for x in {0} if x in {1}]",
        "the numbers in {0} that are in {1} too",
        lambda xs, ys: [x for x in xs if x in ys],
    ),
    _both(
        "missing",
        "ints",
        "ints",
        "[x for x in {0} if x not in {1}]",
        "the numbers in {0} that are not in {1}",
        lambda xs, ys: [x for x in xs if x not in ys],
    ),
    _both(
        "dot",
        "ints",
        "int",
        "sum(x * y for x, y in zip({0}, {1}))",
        "the sum of the products of the elements of {0} and {1} at the same index, "
        "as far as both reach",
        lambda xs, ys: sum(x * y for x, y in zip(xs, ys, strict=False)),
    ),
    _both(
        "keep_above_number",
        "int",
        "ints",
        "[x for x in {0} if x > {1}]",
        "the numbers in {0} greater than {1}",
        lambda xs, n: [x for x in xs if x > n],
    ),
    _both(
        "add_number",
        "int",
        "ints",
        "[x + {1} for x in {0}]",
        "the list {0} with {1} added to each number",
        lambda xs, n: [x + n for x in xs],
    ),
    _both(
        "count_number",
        "int",
        "int",
        "{0}.count({1})",
        "how often {1} is in {0}",
        lambda xs, n: xs.count(n),
    ),
)

OPERATIONS: tuple[Operation, ...] = (*_TO_LISTS, *_TO_NUMBERS, *_TOGETHER)
"""Operations on lists of integers."""
