"""A small MCP server, run as a program by the tests: it knows how to add, to wait and to fail."""

import os
import sys
import time

from mcp.server.mcpserver import MCPServer

server = MCPServer("small")


@server.tool()
def add(left: int, right: int) -> str:
    """Add two numbers.

    Said to nobody.
    """
    return str(left + right)


@server.tool()
def shout(words: str) -> str:
    """Say words loudly."""
    return words.upper()


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("no luck")


@server.tool()
def sleep(seconds: float) -> str:
    """Wait, however long."""
    time.sleep(seconds)
    return "awake"


@server.tool()
def who() -> str:
    """Say the number of the server's process."""
    return str(os.getpid())


@server.tool()
def long(size: int) -> str:
    """Say much."""
    return "x" * size


if __name__ == "__main__":
    if "--hang" in sys.argv:
        time.sleep(600)
    server.run("stdio")
