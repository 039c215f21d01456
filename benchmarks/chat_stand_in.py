"""A chat server that answers at once: for measuring what asks it.

Run: python benchmarks/chat_stand_in.py [--latency SECONDS]

Prints its address, then serves the OpenAI chat API until it is killed. `GET /count` tells how many
completions it gave.
"""

import argparse
import asyncio
import json

REPLY = json.dumps(
    {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "42"},
            }
        ],
        "usage": {"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 9},
    }
).encode()


class Server:
    """Answers every request alike, and counts them."""

    def __init__(self, latency_s: float) -> None:
        """Answer after `latency_s`."""
        self._latency_s = latency_s
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line[15:])
                await reader.readexactly(length)
                if head.startswith(b"GET /count"):
                    body = json.dumps(self._count).encode()
                else:
                    self._count += 1
                    body = REPLY
                    if self._latency_s:
                        await asyncio.sleep(self._latency_s)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def main() -> None:
    """Parse the options and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before a reply")
    options = parser.parse_args()
    server = await asyncio.start_server(Server(options.latency).serve, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
