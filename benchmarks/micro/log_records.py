"""What it costs to make a decision's record: as it is, and ways of packing and compressing what is in it.

Run it with `python -m benchmarks.micro.log_records`; add `--json` for a machine.
"""

import zlib
from collections.abc import Iterator

import msgpack
import zstandard

from benchmarks.interleaved import Candidate, run
from benchmarks.micro.a_decision import decision, grocery
from nextbest_service.decision_log.compression import compressed
from nextbest_service.decision_log.counters import pack_counters
from nextbest_service.decision_log.decisions import DecisionRecord
from nextbest_service.decision_log.legend import Legend


def candidates() -> Iterator[Candidate]:
    """Yield everything that is compared."""
    made, legend = decision(), Legend.of(grocery())
    packer, basis = legend.packer, made.basis
    assert packer is not None
    brand_and_goal = basis.request.brand, basis.request.goal
    counters = basis.reading.customer.features.counters
    record = DecisionRecord(made, made.origin, legend)
    entry = record.entry()
    group = "a record"
    yield Candidate(group, "put into the queue", 0, lambda: DecisionRecord(made, made.origin, legend))
    yield Candidate(group, "made an entry", len(entry.body), record.entry)

    def figures() -> bytes:
        return packer.pack(basis.factors, brand_and_goal, counters)

    def counters_by_numpy() -> bytes:
        return pack_counters(grocery().assembler.counters_behind(counters, basis.factors.rows))

    group = "figures of all candidates"
    yield Candidate(group, "one compiled pass", len(figures()), figures)
    yield Candidate(group, "numpy, counters alone", len(counters_by_numpy()), counters_by_numpy)
    plain = zstandard.decompress(entry.body[13:])
    group = "compressing it"
    content = msgpack.unpackb(plain, timestamp=3)
    yield Candidate(group, "packed, Zstandard -5 (ours)", len(entry.body), lambda: compressed(content))
    for level in (-50, -5, -1, 1, 3):
        tool = zstandard.ZstdCompressor(level=level).compress
        yield Candidate(group, f"Zstandard {level}", len(tool(plain)), lambda tool=tool: tool(plain))
    for level in (1, 6):
        size = len(zlib.compress(plain, level))
        yield Candidate(group, f"deflate {level}", size, lambda level=level: zlib.compress(plain, level))


if __name__ == "__main__":
    run("Records of decisions", candidates, {"zstandard": zstandard.__version__}, rounds=51, calls=50)
