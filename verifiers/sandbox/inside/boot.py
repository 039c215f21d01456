"""The first lines that run in a sandbox: receive the modules, then start the server.

The interpreter is started with one line that runs the first message on the control socket, which
is this file. The second is a compressed JSON object: `modules`, the source of each module by its
full name, and `server`, the settings of the server.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import json
import socket
import sys
import types
import zlib


class _Bundle(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from their sources; what stands above a module is an empty package."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources
        self.packages = {
            name.rsplit(".", depth)[0]
            for name in sources
            for depth in range(1, name.count(".") + 1)
        }

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.sources and fullname not in self.packages:
            return None
        is_package = fullname in self.packages
        return importlib.util.spec_from_loader(fullname, self, is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        name = module.__name__
        code = compile(self.sources.get(name, ""), "<" + name + ">", "exec", dont_inherit=True)
        exec(code, module.__dict__)


def main(control: socket.socket) -> None:
    """Receive the bundle on the control socket and serve on it until it closes."""
    message = json.loads(zlib.decompress(control.recv(1 << 20)))
    sys.meta_path.insert(0, _Bundle(message["modules"]))
    server = importlib.import_module(message["server"]["module"])
    server.main(control, message["server"])


if __name__ == "__main__":
    main(globals()["control"])
