"""Probes of verifiers that judge the data of a device: the right end, with something amiss."""

import copy
import json
from typing import Any

from gym_reason.verifiers.audit.cases import Case
from gym_reason.verifiers.audit.probes import register_accepted, register_refused


def _read(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _parts(case: Case) -> tuple[Any, Any, Any]:
    """Return the goal, the data before, and the right end; empty ones for another form."""
    reference, end = _read(case.task.reference), _read(case.solutions[0] if case.solutions else "")
    if "goal" not in reference or "after" not in end:
        return {}, {}, {}
    return reference["goal"], reference["before"], end


def _spaced(case: Case, other: Case | None) -> list[str]:
    _, _, end = _parts(case)
    if not end:
        return []
    turned = dict(reversed(end.items()))
    return [f" {json.dumps(end)} \n", json.dumps(turned, indent=1), json.dumps(end, sort_keys=True)]


def _damaged(case: Case, other: Case | None) -> list[str]:
    """Return the right end with one more thing done: a row, a table, an event."""
    _, _, end = _parts(case)
    if not end:
        return []
    found = []
    for change in (_add_table, _add_event, _forget_log, _turn_back):
        changed = copy.deepcopy(end)
        if change(changed["after"]):
            found.append(json.dumps(changed))
    return found


def _add_table(after: Any) -> bool:
    after["tables"]["audit.row"] = {"fields": ["id", "text"], "rows": [[1, "by accident"]]}
    return True


def _add_event(after: Any) -> bool:
    after["log"].append(["audit.sent", after["now"], {"to": "nobody"}])
    return True


def _forget_log(after: Any) -> bool:
    """Write the oldest event anew, where there is one."""
    if not after["log"]:
        return False
    after["log"][0] = ["audit.sent", after["log"][0][1], {}]
    return True


def _turn_back(after: Any) -> bool:
    after["now"] = -1
    return True


def _undone(case: Case, other: Case | None) -> list[str]:
    """Return the data as they were with the right claim, where more than that is wanted."""
    goal, before, end = _parts(case)
    wanted = {"inserted", "deleted", "updated", "logged"}
    if not any(one["is"] in wanted for one in goal.get("expectations", ())):
        return []
    later = {**before, "now": end["after"]["now"]}
    return [json.dumps({**end, "after": later})]


def _claimed(case: Case, other: Case | None) -> list[str]:
    _, _, end = _parts(case)
    if not end:
        return []
    wrong = "complete" if end.get("status") == "infeasible" else "infeasible"
    claims = [wrong, "", "Complete", "complete ", "success", None, True, ["complete"]]
    return [json.dumps({**end, "status": claim}) for claim in claims]


def _answered(case: Case, other: Case | None) -> list[str]:
    """Return the right end with another answer, where one is asked for."""
    goal, _, end = _parts(case)
    if not goal.get("answer") or not isinstance(end.get("answer"), str):
        return []
    right = end["answer"]
    wrong = [None, "", f"{right}, Audit", f"Audit\n{right}", f"{right} or Audit", f"not {right}"]
    wrong += [f"{right}; {right}; Audit", f"{right}\u0301", right.replace("a", "\u0430") + "\u0430"]
    return [json.dumps({**end, "answer": answer}) for answer in wrong]


def _odd(case: Case, other: Case | None) -> list[str]:
    """Return texts that are no end of an episode, or only nearly."""
    _, _, end = _parts(case)
    if not end:
        return []
    text = json.dumps(end)
    found = [text[:-1], text + text, f"[{text}]", text.replace("{", "[", 1), '{"after": {}}']
    found.append('{"status": "complete", ' + text[1:])
    found += ["[" * 100_000, "9" * 5_000, '{"after": NaN}', json.dumps({**end, "more": 1})]
    return found


register_accepted("written otherwise", "spacing", "state", _spaced)
register_refused("something done besides", "damage", "state", _damaged)
register_refused("the data as they were", "replay", "state", _undone)
register_refused("another claim", "claim", "state", _claimed)
register_refused("another answer", "answer", "state", _answered)
register_refused("no end of an episode", "junk", "state", _odd)
