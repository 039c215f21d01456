"""What `gym-reason audit` tries a verifier on: an environment, the rows of a file, or neither."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gym_reason.cli.rows import as_text, read_fields, reference_column
from gym_reason.config import apply_overrides
from gym_reason.envs.base import sample_tasks, unwrap
from gym_reason.errors import DataError, UsageError
from gym_reason.records import read_jsonl
from gym_reason.registry import environments, make
from gym_reason.types import Message, Task
from gym_reason.verifiers.audit import Case, Contract, contract_of, generated_cases, make_case
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.builtin import make_verifier

FIELDS = ("id", "prompt", "reference", "solution", "meta")
"""What a row may hold, and `--field` may name a column for."""


def find_subject(args: argparse.Namespace) -> tuple[str | Verifier, Contract, Sequence[Case]]:
    """Return the verifier that the arguments name, what it promises, and the tasks.

    Raises GymReasonError.
    """
    columns = read_fields(args.field, FIELDS, "reference=answer")
    if columns and args.rows is None:
        raise UsageError("--field without rows", "--rows FILE.jsonl")
    # Behind the colon a path may follow, as in json_schema:schemas/answer.json.
    is_environment = "/" in args.subject.partition(":")[0]
    if not is_environment and (args.split or args.settings):
        option = "--split" if args.split else "--set"
        raise UsageError(f"{option} with the verifier {args.subject!r}", "an environment")
    if is_environment:
        if args.rows is not None:
            raise UsageError(f"--rows with the environment {args.subject!r}", "a verifier")
        return _environment_subject(args)
    contract = contract_of(make_verifier(args.subject), args.family)
    if args.rows is not None:
        cases = tuple(_read_cases(Path(args.rows), columns, contract, args.limit))
        if not cases:
            raise DataError(f"{args.rows} has no rows", "at least one task")
    else:
        cases = generated_cases(contract, args.limit, args.seed)
    return args.subject, contract, cases


def _environment_subject(args: argparse.Namespace) -> tuple[Verifier, Contract, Sequence[Case]]:
    environments.get(args.subject)
    settings: dict[str, Any] = apply_overrides({}, args.settings)
    if args.split is not None:
        settings["split"] = args.split
    env = unwrap(make(args.subject, **settings))
    contract = contract_of(env.verifier, args.family)
    cases = []
    tasks = {task.id: task for task in sample_tasks(env, args.limit, args.seed)}
    for task in tasks.values():
        # The last action is the one that the verifier judges.
        solutions = env.submissions(task)
        case = make_case(task, contract, solutions, wrong=(env.wrong_action(task),))
        cases.append(case)
    return env.verifier, contract, cases


def _read_cases(
    path: Path, columns: Mapping[str, str], contract: Contract, limit: int
) -> Iterator[Case]:
    """Yield the tasks of a file, each once. Raises DataError with the line at fault."""
    seen: set[str] = set()
    for number, row in read_jsonl(path):
        where = f"line {number} of {path}"
        if "reference" in columns:
            reference = _column(row, columns, "reference", where)
        else:
            reference = as_text(row.get(reference_column(row, columns)))
        if reference is None:
            reference = _human_eval_tests(row)
        solution = _column(row, columns, "solution", where)
        if reference is None and solution is None:
            raise DataError(f"{where} has no reference", "a column 'reference'", "name it: --field")
        prompt = _column(row, columns, "prompt", where)
        meta = row.get(columns.get("meta", "meta"))
        others = {key: value for key, value in row.items() if key not in FIELDS}
        task = Task(
            id=_column(row, columns, "id", where) or str(number),
            prompt=() if prompt is None else (Message("user", prompt),),
            reference=reference or "",
            meta={**others, **(meta if isinstance(meta, dict) else {})},
        )
        if task.id in seen:
            continue
        seen.add(task.id)
        yield make_case(task, contract, () if solution is None else (solution,))
        if len(seen) >= limit:
            return


def _human_eval_tests(row: Mapping[str, Any]) -> str | None:
    """Return the tests of a row of HumanEval as a reference; None for any other row."""
    tests, entry = row.get("test"), row.get("entry_point")
    if not isinstance(tests, str) or not isinstance(entry, str):
        return None
    return json.dumps({"type": "assert", "entry": entry, "code": f"{tests}\ncheck({entry})\n"})


def _column(row: dict[str, Any], columns: Mapping[str, str], name: str, where: str) -> str | None:
    """Return a field of a row as text; None where no column was named and there is none."""
    if name not in columns:
        return as_text(row.get(name))
    column = columns[name]
    parts = [column] if column in row else column.split("+")
    for part in parts:
        if part not in row:
            raise DataError(f"{where} has no column {part!r}", "the column that --field names")
    return "".join(as_text(row[part]) or "" for part in parts)
