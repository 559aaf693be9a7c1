"""Measure the verification of new and of cached tokens: `python tests/measure.py`.

It prints the median [minimum, maximum] of nine rounds with a thousand tokens, in microseconds per
token. The tokens name a status list, which is checked in both cases.
"""

import sys
import time
from statistics import median

from issuer import AUDIENCE, Issuer, new_pair
from latchkey_verifier import Verifier


def main() -> None:
    issuer = Issuer()
    for algorithm in ("ES256", "RS256", "EdDSA"):
        issuer.pair = new_pair(f"key-{algorithm}", algorithm)
        issuer.publish(issuer.pair)
        issuer.publish_list(bytes(1024))
        tokens = [issuer.listed(jti=f"token {number}") for number in range(1000)]
        first, again = [], []
        for _ in range(9):
            verifier = Verifier(issuer=issuer.url, audience=AUDIENCE)
            verifier.verify(issuer.listed())
            first.append(microseconds(verifier, tokens))
            again.append(microseconds(verifier, tokens))
        line = f"{algorithm}: at first {shown(first)}, again {shown(again)}\n"
        sys.stdout.write(line)
    issuer.close()


def microseconds(verifier: Verifier, tokens: list[str]) -> float:
    """Return the mean time per token in microseconds."""
    started = time.perf_counter()
    for token in tokens:
        verifier.verify(token)
    return (time.perf_counter() - started) / len(tokens) * 1e6


def shown(times: list[float]) -> str:
    return f"{median(times):.0f} [{min(times):.0f}, {max(times):.0f}]"


if __name__ == "__main__":
    main()
