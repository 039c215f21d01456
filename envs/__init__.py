"""Environments: reasoning as Gymnasium MDPs."""

if __name__ != "gym_reason.envs":
    raise ImportError("import this package as gym_reason.envs, not as envs")

from gym_reason.registry import register_env

_EMBEDDED = {
    "Arithmetic": ("arithmetic:Arithmetic", "Compute a sum, a difference or a product."),
    "Countdown": ("countdown:Countdown", "Reach a target with given numbers and + - * /."),
    "Digits": ("digits:Digits", "Sort or reverse a row of digits, or name the largest."),
    "Steps": ("steps:Steps", "Derive a sum, a difference or a product, one step an action."),
}

for _name, (_place, _description) in _EMBEDDED.items():
    register_env(f"gym_reason/{_name}-v0", f"gym_reason.envs.{_place}", _description, {})
