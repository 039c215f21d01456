"""Stand-ins, on the tests' side, for what lives in the program's process.

A stand-in answers with plain data alone. It is never equal to anything, never true and in no
container: where tests compare it, they end as failed, since the program's own idea of equality
decides nothing.
"""

import builtins
import socket
from collections.abc import Iterator
from typing import Any, TypeGuard

from gym_reason.verifiers.code.inside import plain

MAX_SHOWN_CHARS = 200

PROGRAM_ENDED = "the program ended"
"""The fault where the program is gone."""


class FaultError(BaseException):
    """The program broke off, or answered with something that is no plain data."""


class TestsError(BaseException):
    """The tests themselves cannot be run."""


class Link:
    """The calls to the program, in order, and what they returned."""

    def __init__(self, link: socket.socket, entries: list[str], awaits: bool) -> None:
        """Speak over `link` with a program that is to define `entries`.

        An entry that begins with a capital letter is a class. Only tests that name one have to do
        with objects; to all others the program answers with data. Only tests that wait for
        coroutines, as `awaits` says, get any.
        """
        self.awaits = awaits
        self.link = link
        self.entries = entries
        self.classes = [name for name in entries if name.lstrip("_")[:1].isupper()]
        self.exceptions: dict[str, type[Exception]] = {}
        """Entries that are exceptions, as the tests know them."""
        self.values: dict[str, Any] = {}
        """Entries that are no functions but data."""
        self.fault = ""
        self.asked = 0
        """How many times the program was asked for something."""
        self.calls: list[tuple[str, str]] = []
        """Each call since the last assert, and its answer, as text."""

    def load(self) -> None:
        """Wait until the program is loaded. Raises FaultError."""
        answer = self._receive()
        if isinstance(answer.get("failed"), dict):
            raise self.fail(describe_raised(answer["failed"], "the program"))
        loaded = answer.get("loaded")
        for name in self.entries:
            if not isinstance(loaded, list) or name not in loaded:
                raise self.fail(f"the program does not define {name}")
        raised = answer.get("exceptions")
        for name, base in (raised if isinstance(raised, dict) else {}).items():
            kind = getattr(builtins, str(base), None)
            if name in self.classes and _is_expected(kind):
                self.exceptions[name] = type(name, (kind,), {})
        values = answer.get("values")
        try:
            for name, content in (values if isinstance(values, dict) else {}).items():
                self.values[name] = plain.decode(content)
        except plain.NotPlainError:
            raise self.fail("the program sent a broken message") from None

    def ask(
        self,
        name: str,
        arguments: tuple[Any, ...] = (),
        keywords: dict[str, Any] | None = None,
        target: int | None = None,
        action: str = "call",
    ) -> Any:
        """Return what a request comes to. Raises what it raised, or FaultError.

        Args:
            name: An entry, or what belongs to the object `target`.
            arguments: What a call gets; what it changes in them is changed here too.
            keywords: The same by name.
            target: Number of an object in the program.
            action: `call`; `get` for the value behind the name, `refer` for a number of it; `next`
                for an iterator's next item.
        """
        if self.fault:
            raise FaultError(self.fault)
        keywords = keywords or {}
        message: dict[str, Any] = {"do": action, "name": name, "object": target}
        try:
            message["args"] = [_encode_argument(one) for one in arguments]
            message["kwargs"] = {key: _encode_argument(one) for key, one in keywords.items()}
            plain.send(self.link, message)
        except plain.ClosedError:
            raise self.fail(PROGRAM_ENDED) from None
        except plain.NotPlainError as error:
            self._refuse_argument(name, error)
        self.asked += 1
        shown = _show_call(name, arguments, keywords) if action == "call" else name
        answer = self._receive()
        if action == "next" and answer.get("stop") is True:
            raise StopIteration
        return self._read(answer, shown, {**dict(enumerate(arguments)), **keywords})

    def fail(self, reason: str) -> FaultError:
        """Note that the program broke the rules, and return what to raise."""
        self.fault = self.fault or reason
        return FaultError(reason)

    def _refuse_argument(self, name: str, error: plain.NotPlainError) -> None:
        """Blame the tests for an argument, but not for one that may come from the program."""
        kind = error.type_name if isinstance(error, plain.UnknownTypeError) else "Remote"
        if not kind.startswith("Remote") or not self.asked:
            raise TestsError(f"{name} is called with {error}, which is no plain data")
        raise self.fail(f"{name} is called with {error}, which an earlier call returned")

    def _receive(self) -> dict[str, Any]:
        try:
            answer = plain.receive(self.link)
        except plain.ClosedError:
            raise self.fail(PROGRAM_ENDED) from None
        except plain.NotPlainError as error:
            raise self.fail(f"the program sent {error}") from None
        if not isinstance(answer, dict):
            raise self.fail("the program sent a broken message")
        return answer

    def _read(self, answer: dict[str, Any], shown: str, given: dict[Any, Any]) -> Any:
        try:
            for place, content in answer.get("changed", []):
                _update(given[place], plain.decode(content))
        except (plain.NotPlainError, KeyError, ValueError, TypeError):
            raise self.fail("the program sent a broken message") from None
        if isinstance(answer.get("raised"), dict):
            raise self._make_raised(answer["raised"], shown)
        number, kind = answer.get("object"), answer.get("kind")
        if isinstance(number, int):
            if kind == "iterator":
                return RemoteIterator(self, number)
            if kind == "function":
                return RemoteFunction(self, number, "__call__")
            if self.classes:
                return RemoteObject(self, number, str(answer.get("type"))[:100])
        if "unfit" in answer:
            raise self.fail(f"{shown} returned {str(answer['unfit'])[:MAX_SHOWN_CHARS]}")
        try:
            value = plain.decode(answer["value"])
        except (plain.NotPlainError, KeyError):
            raise self.fail("the program sent a broken message") from None
        self.calls.append((shown, f"{shown} returned {show(value)}"))
        return _return(value) if self.awaits and answer.get("awaited") is True else value

    def _make_raised(self, raised: dict[str, Any], shown: str) -> BaseException:
        said = describe_raised(raised, shown)
        self.calls.append((shown, said))
        message = str(raised.get("message", ""))
        kind = self.exceptions.get(str(raised.get("own_name")))
        kind = kind or getattr(builtins, str(raised.get("name")), None)
        if not _is_expected(kind):
            return self.fail(said)
        if issubclass(kind, (StopIteration, StopAsyncIteration)):
            # As in a generator: it would silently end a loop of the tests.
            return RuntimeError(said)
        try:
            return kind(message) if message else kind()
        except TypeError:  # UnicodeDecodeError and its like want more.
            return RuntimeError(said) if issubclass(kind, ExceptionGroup) else kind.__new__(kind)


def _is_expected(kind: Any) -> TypeGuard[type[Exception]]:
    return isinstance(kind, type) and issubclass(kind, Exception)


class _Remote:
    """What all stand-ins refuse."""

    __slots__ = ("_remote_link", "_remote_name", "_remote_number")

    def __init__(self, link: Link, number: int, name: str) -> None:
        """Stand for what has `number` in the program and is called `name` there."""
        self._remote_link, self._remote_number, self._remote_name = link, number, name

    def _refuse(self, *_: object) -> Any:
        kind = self._remote_name
        raise self._remote_link.fail(f"{kind}: no plain data where data is compared or tested")

    __eq__ = __ne__ = __bool__ = __hash__ = _refuse
    __contains__ = __str__ = __repr__ = _refuse


class RemoteFunction(_Remote):
    """A function or method in the program."""

    __slots__ = ()

    def __init__(self, link: Link, number: int, method: str) -> None:
        """Stand for the method of the object `number`."""
        super().__init__(link, number, method)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call it."""
        return self._remote_link.ask(self._remote_name, arguments, keywords, self._remote_number)


class RemoteIterator(_Remote):
    """A generator or another iterator in the program."""

    __slots__ = ("_remote_ended",)

    def __init__(self, link: Link, number: int) -> None:
        """Stand for the iterator `number`."""
        super().__init__(link, number, "an iterator")
        self._remote_ended = False

    def __iter__(self) -> Iterator[Any]:
        """Return itself."""
        return self

    def __next__(self) -> Any:
        """Return the next item; an iterator that has ended stays so."""
        if self._remote_ended:
            raise StopIteration
        try:
            return self._remote_link.ask("next", target=self._remote_number, action="next")
        except StopIteration:
            self._remote_ended = True
            raise


class RemoteObject(_Remote):
    """An object of a class under test: its attributes and methods live in the program."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        """Return the attribute: data, or a stand-in."""
        if name.startswith("__"):
            raise AttributeError(name)
        value = self._remote_link.ask(name, target=self._remote_number, action="get")
        if isinstance(value, RemoteFunction):
            return RemoteFunction(self._remote_link, self._remote_number, name)
        return value

    def __exit__(self, *_: object) -> Any:
        """Leave a block without an exception, which is no plain data."""
        nothing = (None, None, None)
        return self._remote_link.ask("__exit__", nothing, target=self._remote_number)


class RemoteClass:
    """A class under test: makes objects; its attributes are asked for by name."""

    def __init__(self, link: Link, name: str) -> None:
        """Stand for the entry `name`."""
        self._remote_link, self.__name__ = link, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Make an object."""
        return self._remote_link.ask(self.__name__, arguments, keywords)

    def __getattr__(self, name: str) -> Any:
        """Return a static or class method, or a class attribute."""
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._remote_link.ask(self.__name__, action="refer"), name)

    def __instancecheck__(self, value: object) -> bool:
        """Return whether `value` is an object whose class has this name."""
        return type(value) is RemoteObject and value._remote_name == self.__name__


def _forward(name: str) -> Any:
    def call(self: RemoteObject, *arguments: Any) -> Any:
        return self._remote_link.ask(name, arguments, target=self._remote_number)

    call.__name__ = name
    return call


# What a test of a class does with its objects besides calling their methods. Whether the answer is
# right is for the tests to say, as with any other method; equality and truth stay refused.
for _name in (
    *("len", "iter", "getitem", "setitem", "delitem", "contains", "str", "repr", "call", "enter"),
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor"),
    *("neg", "abs", "invert", "lt", "le", "gt", "ge", "int", "float"),
):
    setattr(RemoteObject, f"__{_name}__", _forward(f"__{_name}__"))


async def _return(value: Any) -> Any:
    return value


def _encode_argument(value: Any) -> Any:
    if type(value) in (RemoteObject, RemoteIterator):
        return {"o": value._remote_number}
    return plain.encode(value, 1)


def _update(target: Any, content: Any) -> None:
    """Give an argument that the program has changed its new content, in place."""
    if type(target) is not type(content):
        raise TypeError
    if isinstance(target, list) and len(target) == len(content):
        for place, item in enumerate(content):
            target[place] = _merge(target[place], item)
    elif isinstance(target, (list, bytearray)):
        target[:] = content
    elif isinstance(target, dict):
        merged = {key: _merge(target.get(key), item) for key, item in content.items()}
        target.clear()
        target.update(merged)
    elif isinstance(target, set):
        target.clear()
        target.update(content)
    else:
        raise TypeError


def _merge(old: Any, new: Any) -> Any:
    """Return `old` with the content of `new` where it is a container of the same type."""
    if type(old) is type(new) and isinstance(old, (list, dict, set)):
        _update(old, new)
        return old
    return new


def describe_raised(raised: dict[str, Any], what: str) -> str:
    """Return in words what a call raised."""
    name = str(raised.get("own_name") or raised.get("name"))[:100]
    message = str(raised.get("message", ""))[:MAX_SHOWN_CHARS]
    line = raised.get("line")
    place = f" in line {line}" if type(line) is int and 0 < line < 1 << 31 else ""
    return f"{what} raised {name}{place}" + (f": {message}" if message else "")


def _show_call(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> str:
    parts = [show(one) for one in arguments]
    parts += [f"{key}={show(value)}" for key, value in keywords.items()]
    return f"{name}({', '.join(parts)})"


def show(value: object) -> str:
    """Return a value as text, not too long."""
    if isinstance(value, _Remote):
        return f"<{value._remote_name}>"
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # An integer beyond the digits that Python writes.
        return f"a large {type(value).__name__}"
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS] + "..."
