"""What a run writes down: a CSV file with a line every few steps, and a line for who watches."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "log.csv"
COLUMNS = ("step", "pictures", "seconds", "share", "learning_rate", "size", "loss")


class Log:
    """The CSV file of a run. Lines after `step` are of a session that was lost, and are dropped.

    Parameters
    ----------
    folder : Path
    losses : sequence of str
        Names of the single losses.
    figure : str
        Name of the validation figure; its column is empty where it was not measured.
    step : int
        Steps done so far.
    """

    def __init__(self, folder: Path, losses: tuple[str, ...], figure: str, step: int) -> None:
        self._path = folder / NAME
        self._columns = (*COLUMNS, *losses, figure)
        earlier = [row for row in read_log(folder) if float(row["step"]) <= step]
        with self._path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, extrasaction="ignore", restval="")
            writer.writeheader()
            if step:
                writer.writerows(earlier)

    def write(self, row: Mapping[str, float]) -> None:
        """Append a line; it is on disk afterwards."""
        shown = {name: f"{value:.6g}" for name, value in row.items()}
        with self._path.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self._columns, restval="").writerow(shown)


def read_log(folder: Path) -> list[dict[str, str]]:
    """The lines of a run's log; none if it has not begun."""
    path = folder / NAME
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def show(row: Mapping[str, float], figure: str, rate: float, left_s: float | None) -> None:
    """One line on standard error: how far, how good, how long still."""
    words = [
        f"{row['share']:6.1%}",
        f"step {row['step']:.0f}",
        f"{row['pictures']:,.0f} pictures",
        f"{row['size']:.0f} px",
        f"{rate:.0f}/s",
        f"loss {row['loss']:.3f}",
    ]
    if figure in row:
        words.append(f"{figure} {row[figure]:.4f}")
    if left_s is not None:
        words.append(f"{left_s / 60:.0f} min left")
    print("  ".join(words), file=sys.stderr, flush=True)
