"""Times, speeds, sizes and sources of the live view as they are written on screen."""

from __future__ import annotations

from vitstudio.core.live import LiveFacts, live_title


def clock(seconds: float) -> str:
    """A time in a file, to a tenth of a second: "0:03.2", "1:02:03.4"."""
    tenths = round(10 * max(seconds, 0.0))
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{start}:{rest // 10:02}.{rest % 10}"


def duration_text(seconds: float) -> str:
    """A short time: "3.2 s", "75 s", "2:05"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"


def size_text(count: int) -> str:
    """Bytes as shown: "830 MB", "1.24 GB"."""
    if count < 999_500_000:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e9:.2f} GB" if count < 9_995_000_000 else f"{count / 1e9:.1f} GB"


def rate_text(rate: float) -> str:
    """Pictures a second: "24", "7.5"."""
    return f"{rate:.1f}" if rate < 9.95 else f"{rate:.0f}"


def count_text(count: int) -> str:
    """A count that may become large: "1,234", "123k"."""
    return f"{count:,}" if count < 100_000 else f"{count / 1000:,.0f}k"


def speed_title(speed: float) -> str:
    """A speed as shown: "0.25×"."""
    return f"{speed:g}×"


def source_title(facts: LiveFacts) -> str:
    """What a source is called, and what one should know of it."""
    return f"{live_title(facts.source)} · {facts.note}" if facts.note else live_title(facts.source)


def source_help(facts: LiveFacts) -> str:
    """What is known of a source, in lines."""
    rows, cols = facts.size_rc
    lines = [
        live_title(facts.source),
        f"{cols} × {rows} pixels" if rows and cols else "",
        f"{facts.rate:.3g} pictures a second" if facts.rate else "",
        f"{facts.frames:,} pictures" if facts.frames else "",
        facts.note,
    ]
    return "\n".join(line for line in lines if line)
