"""Names for environments, verifiers, agents and recipes, ours and everyone else's.

A user's package registers its parts with the decorators below, in its own modules. An entry point
names the module to import, so that the command finds the parts without being told; its group is
`gym_reason.envs`, `gym_reason.verifiers`, `gym_reason.agents` or `gym_reason.recipes`:

    [project.entry-points."gym_reason.envs"]
    acme = "acme_riddles"
"""

import difflib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import gymnasium

from gym_reason.errors import GymReasonError, UnknownNameError, UsageError
from gym_reason.seeding import content_id

T = TypeVar("T")
EnvClass = TypeVar("EnvClass", bound=type[gymnasium.Env[Any, Any]])


class Registry(Generic[T]):
    """Names of one kind of thing."""

    def __init__(self, kind: str, plugin_group: str = "") -> None:
        """Make an empty registry.

        Args:
            kind: The noun that messages use.
            plugin_group: Entry points of this group name modules whose import registers more items;
                empty for none.
        """
        self.kind = kind
        self.plugin_group = plugin_group
        self._items: dict[str, T] = {}
        self._plugins_loaded = False

    def add(self, name: str, item: T) -> None:
        """Register `item`. Raises UsageError where the name is taken by something else."""
        if name in self._items and self._items[name] != item:
            raise UsageError(
                f"the {self.kind} {name!r} is registered already", "a new name", "choose another"
            )
        self._items[name] = item

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers what it decorates under `name`."""

        def decorate(item: T) -> T:
            self.add(name, item)
            return item

        return decorate

    def get(self, name: str) -> T:
        """Return the item called `name`. Raises UnknownNameError."""
        if name not in self._items:
            self._load_plugins()
        try:
            return self._items[name]
        except KeyError:
            raise UnknownNameError(*explain_unknown(self.kind, name, list(self))) from None

    def __contains__(self, name: object) -> bool:
        """Whether `name` is registered."""
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, sorted, plugins included."""
        self._load_plugins()
        return iter(sorted(self._items))

    def _load_plugins(self) -> None:
        if self._plugins_loaded or not self.plugin_group:
            return
        self._plugins_loaded = True
        for point in importlib.metadata.entry_points(group=self.plugin_group):
            point.load()


def explain_unknown(kind: str, name: str, known: list[str]) -> tuple[str, str, str]:
    """Return the three parts of a message about an unknown name."""
    lowered = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.5)
    expected = ", ".join(known) if len(known) <= 12 else f"one of {len(known)} names"
    remedy = f"did you mean {lowered[near[0]]!r}?" if near else ""
    return f"there is no {kind} {name!r}", expected or "nothing: none is registered", remedy


verifiers: Registry[Callable[..., object]] = Registry("verifier", "gym_reason.verifiers")
"""Factories of verifiers."""
agents: Registry[Callable[..., object]] = Registry("agent", "gym_reason.agents")
"""Factories of agents."""
recipes: Registry[Path] = Registry("recipe", "gym_reason.recipes")
"""Recipe files."""
environments: Registry[str] = Registry("environment", "gym_reason.envs")
"""What each environment is, in one line. Gymnasium's own registry holds how it is made."""
loaded_modules: list[str] = []
"""What `load_module` was asked for, for other processes that are to know the same names."""


def load_module(source: str) -> None:
    """Import a module by name, or a Python file by path, for what it registers.

    A second call for the same one does nothing.

    Raises:
        UsageError: There is no such module or file, or it fails while it is imported.
    """
    try:
        if source.endswith(".py"):
            _run_file(Path(source).resolve())
        else:
            importlib.import_module(source)
    except GymReasonError:
        raise
    except Exception as error:  # It is anybody's code.
        raise UsageError(
            f"cannot load {source}: {type(error).__name__}: {error}",
            "a module or a .py file that registers environments or verifiers",
        ) from error
    name = str(Path(source).resolve()) if source.endswith(".py") else source
    if name not in loaded_modules:
        loaded_modules.append(name)


def _run_file(path: Path) -> None:
    name = f"gym_reason_loaded_{content_id(str(path))}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def register(
    env_id: str, *, description: str = "", **kwargs: object
) -> Callable[[EnvClass], EnvClass]:
    """Return a decorator that registers a class of environments under `env_id`, with Gymnasium too.

    Args:
        env_id: `namespace/Name-v0`.
        description: One line for `gym-reason envs list`; the first line of the class's docstring by
            default.
        kwargs: Default arguments of the class.
    """

    def decorate(cls: EnvClass) -> EnvClass:
        first_line = (cls.__doc__ or "").strip().split("\n")[0]
        register_env(env_id, cls, description or first_line, kwargs)
        return cls

    return decorate


def register_env(
    env_id: str,
    entry_point: str | Callable[..., object],
    description: str,
    kwargs: dict[str, object],
) -> None:
    """Register an environment with Gymnasium and in the list that `gym-reason envs list` shows.

    Args:
        env_id: `namespace/Name-v0`.
        entry_point: The class, or `"module:Class"`, which is imported when first made.
        description: One line.
        kwargs: Default arguments.
    """
    if "/" not in env_id or "-v" not in env_id:
        raise UsageError(
            f"the environment id {env_id!r}", "namespace/Name-v0", "for example acme/Riddles-v0"
        )
    environments.add(env_id, description)
    if env_id not in gymnasium.registry:
        gymnasium.register(env_id, entry_point=entry_point, kwargs=kwargs)  # type: ignore[arg-type]


def register_verifier(name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that registers a class or a factory of verifiers."""

    def decorate(factory: Callable[..., T]) -> Callable[..., T]:
        verifiers.add(name, factory)
        return factory

    return decorate


def register_agent(name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Return a decorator that registers a class or a factory of agents."""

    def decorate(factory: Callable[..., T]) -> Callable[..., T]:
        agents.add(name, factory)
        return factory

    return decorate


def register_recipe(name: str, path: str | Path) -> None:
    """Register a recipe file, so that `gym-reason train NAME` finds it."""
    recipes.add(name, Path(path))


def make(env_id: str, **kwargs: object) -> gymnasium.Env[str, str]:
    """Make a registered environment.

    Raises UnknownNameError, and UsageError for arguments that it does not take.
    """
    environments.get(env_id)
    arguments: dict[str, Any] = kwargs
    try:
        return gymnasium.make(env_id, disable_env_checker=True, **arguments)
    except TypeError as error:
        # Gymnasium appends where it was raised and every argument; the first sentence says it all.
        reason = str(error).partition(" was raised from")[0]
        raise UsageError(
            f"{env_id} refused its arguments: {reason}",
            "arguments that it takes",
            f"see gym-reason envs show {env_id}",
        ) from error
