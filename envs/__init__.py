"""Environments: reasoning as Gymnasium MDPs."""

if __name__ != "gym_reason.envs":
    raise ImportError("import this package as gym_reason.envs, not as envs")

from gym_reason.registry import register_env

_EMBEDDED = {
    "Arithmetic": ("arithmetic:Arithmetic", "Compute a sum, a difference or a product."),
    "Code": ("code.single:Code", "Write a program that passes hidden tests."),
    "CodeDebug": ("code.debug:CodeDebug", "Write a program in several attempts, told what fails."),
    "CodeEdit": ("code.edit:CodeEdit", "Mend or write a program, one edit or one line an action."),
    "CodeOutput": ("code.output:CodeOutput", "Tell what a program prints."),
    "CodeRepair": ("code.repair:CodeRepair", "Mend a program that is wrong."),
    "Countdown": ("countdown:Countdown", "Reach a target with given numbers and + - * /."),
    "Digits": ("digits:Digits", "Sort or reverse a row of digits, or name the largest."),
    "GraphColouring": (
        "logic.graph_colouring:GraphColouring",
        "Colour a graph so that neighbours differ, at once or one vertex an action.",
    ),
    "KnightsAndKnaves": (
        "logic.knights_and_knaves:KnightsAndKnaves",
        "Tell who is a knight and who a knave by what they say.",
    ),
    "Lean": ("proofs.lean:Lean", "Prove a theorem in Lean 4, one tactic an action."),
    "Metamath": ("proofs.metamath:Metamath", "Prove a theorem of a Metamath database."),
    "Mobile": ("mobile.env:Mobile", "Use a phone: its screen as text, one touch an action."),
    "MobileScreen": (
        "mobile.screen_env:MobileScreen",
        "Use a phone: its screen as pixels and text, one touch an action.",
    ),
    "NaturalDeduction": (
        "proofs.natural:NaturalDeduction",
        "Prove a theorem in natural deduction with a script of tactics.",
    ),
    "NaturalDeductionSteps": (
        "proofs.natural:NaturalDeductionSteps",
        "Prove a theorem in natural deduction, one tactic an action.",
    ),
    "Rewriting": (
        "logic.rewriting:Rewriting",
        "Lead a string to a goal by rewriting rules, one step an action.",
    ),
    "Rocq": ("proofs.rocq:Rocq", "Prove a theorem in Rocq (Coq), one tactic an action."),
    "Steps": ("steps:Steps", "Derive a sum, a difference or a product, one step an action."),
    "Sudoku": ("logic.sudoku:Sudoku", "Fill a grid of 4, 6 or 9 rows, at once or cell by cell."),
}

_TAKEN_IN = {
    "GymnasiumText": (
        "gymnasium_text:GymnasiumText",
        "Act in a plain Gymnasium environment of texts; env=ID names it.",
    ),
    "ReasoningGym": (
        "reasoning_gym:ReasoningGym",
        "Solve the problems of a generator of reasoning-gym; dataset=NAME names it.",
    ),
    "TextArena": (
        "textarena:TextArena",
        "Play a single-player game of textarena; game=NAME names it.",
    ),
    "VerifiersTasks": (
        "verifiers_tasks:VerifiersTasks",
        "Solve the tasks of a task set of verifiers; taskset=ID names it.",
    ),
}

TAKEN_IN = tuple(f"gym_reason/{name}-v0" for name in _TAKEN_IN)
"""The environments that need another package, or the name of another environment."""

for _name, (_place, _description) in _EMBEDDED.items():
    register_env(f"gym_reason/{_name}-v0", f"gym_reason.envs.{_place}", _description, {})

for _name, (_place, _description) in _TAKEN_IN.items():
    register_env(f"gym_reason/{_name}-v0", f"gym_reason.envs.interop.{_place}", _description, {})
