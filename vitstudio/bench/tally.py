"""What a long run counts, and the sentences and figures that it is reported in."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vitstudio.bench.figures import Slope, percentile, slope
from vitstudio.bench.recorder import Shown

LOOKS = 20_000
FEWEST = 200
"""Pictures that something is said of."""
WARM_UP = 0.2
"""Of all looks at the memory: until the kept take and every cache are full."""


@dataclass
class Tally:
    """Counts of a live run so far.

    Attributes
    ----------
    seconds : float
        Since the first picture.
    pictures, overtaken : int
        Shown, and given but overtaken by newer ones.
    keys, unanswered : int
        Pressed, and of those not answered in time.
    longest_stop_ms : float
        Of the interface.
    errors : list of str
    """

    seconds: float = 0.0
    pictures: int = 0
    overtaken: int = 0
    keys: int = 0
    unanswered: int = 0
    longest_stop_ms: float = 0.0
    errors: list[str] = field(default_factory=list)
    _memory: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def look(self, megabytes: float) -> None:
        """Note the memory at this count of pictures."""
        self._memory.append((self.pictures, megabytes))

    def growth(self) -> Slope | None:
        """Megabytes in 1,000 pictures after the warm-up; None while there is too little of it."""
        looks = list(self._memory)[round(WARM_UP * len(self._memory)) :]
        if not looks or looks[-1][0] - looks[0][0] < FEWEST:
            return None
        try:
            return slope([count / 1000 for count, _ in looks], [mb for _, mb in looks])
        except ValueError:
            return None

    def report(self, shown: Sequence[Shown] = ()) -> dict[str, Any]:
        """All figures; `shown` are the pictures that rate and latency are of."""
        latencies = [(each.painted_s - each.given_s) * 1e3 for each in shown]
        span_s = shown[-1].painted_s - shown[0].painted_s if len(shown) > 1 else 0.0
        growth = self.growth()
        return {
            "seconds": round(self.seconds, 1),
            "pictures": self.pictures,
            "rate": round((len(shown) - 1) / span_s, 2) if span_s > 0 else None,
            "latency_ms": round(percentile(latencies, 0.5), 1) if latencies else None,
            "latency_95_ms": round(percentile(latencies, 0.95), 1) if latencies else None,
            "overtaken": self.overtaken,
            "keys": self.keys,
            "unanswered": self.unanswered,
            "memory_mb": round(self._memory[-1][1], 1) if self._memory else None,
            "growth_mb": round(growth.per_unit, 3) if growth else None,
            "growth_noise_mb": round(growth.noise, 3) if growth else None,
            "longest_stop_ms": round(self.longest_stop_ms, 1),
            "errors": list(self.errors),
        }


def line(report: dict[str, Any]) -> str:
    """A report as one line."""
    minutes, seconds = divmod(round(report["seconds"]), 60)
    parts = [f"{minutes:d}:{seconds:02d}", f"{report['pictures']} pictures"]
    if report["rate"] is not None:
        parts.append(f"{report['rate']:.1f} a second")
    if report["latency_ms"] is not None:
        parts.append(f"{report['latency_ms']:.0f} ms late (95 % {report['latency_95_ms']:.0f})")
    parts.append(f"{report['overtaken']} overtaken")
    parts.append(f"{report['keys'] - report['unanswered']} of {report['keys']} keys answered")
    if report["memory_mb"] is not None:
        parts.append(f"{report['memory_mb']:.0f} MB")
    if report["growth_mb"] is not None:
        noise = report["growth_noise_mb"]
        parts.append(f"{report['growth_mb']:+.2f} MB in 1,000 pictures (noise {noise:.2f})")
    parts.append(f"longest stop {report['longest_stop_ms']:.0f} ms")
    parts.append(f"{len(report['errors'])} errors")
    return ", ".join(parts)
