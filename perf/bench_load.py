"""What the load stage can do, and whether its numbers are true.

    python perf/bench_load.py [--only throughput|accuracy] [--seconds N] [--rounds N]

`throughput`: requests per second from one core beside wrk, HttpUser and FastHttpUser. `accuracy`: percentiles beside those that follow
from arithmetic, with one worker and with two, and what stock Locust reports. Linux only; whoever asks and who answers have a core each.
"""

from __future__ import annotations

import argparse

import accuracy
import throughput

SECONDS = {"throughput": 5.0, "accuracy": 40.0}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECONDS, help="this part alone")
    parser.add_argument("--seconds", type=float, metavar="N", help="of each measurement (throughput 5, accuracy 40: four whole periods)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of throughput (3)")
    options = parser.parse_args()
    if options.only != "accuracy":
        seconds = options.seconds or SECONDS["throughput"]
        for line in throughput.lines(throughput.measure(seconds, options.rounds), seconds):
            print(line)
    if options.only is None:
        print()
    if options.only != "throughput":
        for line in accuracy.lines(options.seconds or SECONDS["accuracy"]):
            print(line, flush=True)


if __name__ == "__main__":
    main()
