"""What it costs to render an answer: bytes put together, beside protobuf's messages; and its tokens.

Run it with `python -m benchmarks.micro.answers`; add `--json` for a machine.
"""

from collections.abc import Iterator

import google.protobuf

from benchmarks.interleaved import Candidate, run
from benchmarks.micro.a_decision import decision, grocery
from nextbest.v1 import decision_pb2
from nextbest_service.api.render_answer import AnswerRenderer, render_timing
from nextbest_service.store.keys import KeyRing
from tests.plain_answers import plain_answer

RING = KeyRing(bytes(32))


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    made, renderer = decision(), AnswerRenderer(grocery())

    def ours(ring: KeyRing | None = RING) -> bytes:
        return renderer.render(made, ring) + render_timing(made.timing, 10, 300)

    def plain(ring: KeyRing | None = RING) -> bytes:
        answer = plain_answer(made, ring)
        answer.timing.render_us, answer.timing.total_us = 10, 300
        return answer.SerializeToString()

    assert decision_pb2.DecideResponse.FromString(ours()) == decision_pb2.DecideResponse.FromString(plain())
    for group, ring in (("three propositions with tokens", RING), ("without tokens", None)):
        yield Candidate(group, "bytes put together (ours)", len(ours(ring)), lambda ring=ring: ours(ring))
        yield Candidate(group, "protobuf's messages", len(plain(ring)), lambda ring=ring: plain(ring))


if __name__ == "__main__":
    run("Answers rendered", candidates, {"protobuf": google.protobuf.__version__}, rounds=101, calls=100)
