"""The server measured: how long an echo takes while 16 replies stream, and the first tokens.

The engine's own figure comes from the same load in the same run: the same messages, all of a round
at the same moment, submitted to an engine in this process before the server is started, with the
prompts that the server uses and the same settings. What the clients wait for on top is storing
the message, the prompt's rows, the socket, and the event loop between them.
"""

import asyncio
import sys
from collections.abc import Mapping

from tqdm import tqdm

from inference.bench.errors import BenchError
from inference.bench.figures import spread
from inference.bench.serving import alone
from inference.bench.serving.load import Load, Times, put
from inference.bench.serving.server import serving
from inference.bench.summary import rounded
from inference.config import InferenceConfig
from inference.recent import KEPT

FULL = Load()
QUICK = Load(conversations=1, turns=2)
WARM_UP = Load(conversations=1, turns=1)
assert FULL.messages == KEPT  # so that /readyz tells of these replies and no others


def measure(load: Load, dtype: str, threads: int) -> dict:
    """The figures of a run, with a progress bar on stderr meanwhile.

    Raises:
        BenchError: the engine or the server did not start, refused something or fell silent.
    """
    total = 2 * (WARM_UP.messages + load.messages)
    with tqdm(total=total, file=sys.stderr, unit=" replies") as bar:
        bar.set_description("the engine alone")
        config = InferenceConfig(dtype=dtype, threads=threads)
        engine = alone.first_tokens(config, [WARM_UP, load], bar.update)
        bar.set_description("starting the server")
        variables = {"INFERENCE_DTYPE": dtype, "INFERENCE_THREADS": str(threads)}
        with serving(variables) as server:
            asyncio.run(put(WARM_UP, server.address, bar.update))
            bar.set_description("the server")
            times = asyncio.run(put(load, server.address, bar.update))
            inside = (server.report() or {}).get("first_token_ms", {})
    if not (times.first_tokens and engine and inside.get("n")):
        raise BenchError("The pocket model gave no reply with a text.")
    return _figures(load, times, engine, inside)


def page(figures: Mapping) -> str:
    """The figures as a person reads them, without a line end."""
    echo, socket, engine = (figures[f"{of}_ms"] for of in ("echo", "ttft_socket", "ttft_engine"))
    return "\n".join(
        [
            f"{figures['replies']} replies, {figures['conversations']} at a time",
            f"echo over another socket: {echo['p50']:.3g} ms, 95 % within {echo['p95']:.3g} ms",
            f"first token: {socket['p50']:.3g} ms over the socket, "
            f"{engine['p50']:.3g} ms of the engine alone: "
            f"{figures['ttft_socket_over_engine']:.3g}x",
        ]
    )


def _figures(load: Load, times: Times, engine: list[float], inside: Mapping[str, float]) -> dict:
    echo, socket, own = spread(times.echoes), spread(times.first_tokens), spread(engine)
    return rounded(
        {
            "echo_p95_ms": echo["p95"],
            "ttft_socket_over_engine": socket["p50"] / own["p50"],
            "conversations": load.places,
            "replies": load.messages,
            "echo_ms": echo,
            "ttft_socket_ms": socket,
            "ttft_engine_ms": own,
            "ttft_inside_ms": {share: inside[share] for share in ("p50", "p95")},
        }
    )
