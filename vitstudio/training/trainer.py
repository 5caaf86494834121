"""The loop: pictures in, a better net out, and nothing lost when it is stopped."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from vitstudio.training.ahead import Ahead, chances
from vitstudio.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from vitstudio.training.log import Log, show
from vitstudio.training.machine import described
from vitstudio.training.muon import Muon
from vitstudio.training.pictures import Pictures
from vitstudio.training.recipes import Phase, Recipe
from vitstudio.training.schedule import (
    Average,
    Budget,
    hidden_weights,
    learning_rate,
    parameter_groups,
    phase_at,
)
from vitstudio.training.sources import Source
from vitstudio.training.tasks import Task

LOG_EVERY_S = 20.0
BETAS = (0.9, 0.98)
"""The second moment follows faster than usual: runs are short."""


@dataclass(frozen=True)
class Settings:
    """How a run is carried out; none of it changes what is learnt.

    Attributes
    ----------
    out : Path
        Folder of the checkpoint and the log.
    seed : int
        Of the order of pictures, the augmentation and dropout; the net comes with its own.
    device : torch.device
    autocast : torch.dtype or None
        Half precision of the forward pass, where the hardware gains by it.
    save_every_s, validate_every_s : float
        Seconds between checkpoints, and between validations.
    command : str
        For the model card.
    """

    out: Path
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    autocast: torch.dtype | None = None
    save_every_s: float = 120.0
    validate_every_s: float = 240.0
    command: str = ""


def make_optimizers(
    recipe: Recipe, modules: tuple[nn.Module, ...], device: torch.device
) -> tuple[torch.optim.Optimizer, ...]:
    """AdamW for all that a recipe's net and heads learn, or Muon for the net's hidden matrices."""
    matrices, others = parameter_groups(modules, recipe.weight_decay)
    first: tuple[torch.optim.Optimizer, ...] = ()
    if recipe.muon:
        weights = hidden_weights(modules[0])
        first = (Muon(weights, weight_decay=recipe.weight_decay),)
        known = {id(weight) for weight in weights}
        matrices["params"] = [p for p in matrices["params"] if id(p) not in known]  # type: ignore[attr-defined]
    fused = device.type in ("cpu", "cuda")
    groups = [matrices, others]
    return (*first, torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=BETAS, fused=fused))


class Trainer:
    """A run of a recipe, from its checkpoint if there is one.

    Parameters
    ----------
    recipe : Recipe
    task : Task
        With its net; both are moved to the device.
    source : Source
    watched : Pictures
        That the net is validated with.
    budget : Budget
    settings : Settings
    resume : bool
        Whether to go on from a checkpoint in the folder.
    ahead : Ahead, optional
        Asks what is asked of scenes, in other processes; `close` ends them. Else it is asked here.

    Attributes
    ----------
    step, pictures : int
        Done so far.
    elapsed_s : float

    Raises
    ------
    CheckpointError
        If the folder's checkpoint is of another recipe.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        source: Source,
        watched: Pictures,
        budget: Budget,
        settings: Settings,
        resume: bool = True,
        ahead: Ahead | None = None,
    ) -> None:
        self.recipe, self.task, self.source = recipe, task, source
        self.budget, self.settings = budget, settings
        self.step, self.pictures, self.elapsed_s = 0, 0, 0.0
        self._ahead = ahead
        self._watched = watched.to(settings.device)
        self._modules = (task.net, task.heads)
        form = torch.channels_last if recipe.channels_last else torch.preserve_format
        for module in self._modules:
            module.to(device=settings.device, memory_format=form)  # type: ignore[call-overload]
            module.requires_grad_(True)
        self.optimizers = make_optimizers(recipe, self._modules, settings.device)
        self.average = Average(task.net, recipe.average)
        self._stopping = False
        settings.out.mkdir(parents=True, exist_ok=True)
        if resume and (progress := load_checkpoint(settings.out, recipe)) is not None:
            self._restore(progress)

    def close(self) -> None:
        """End the processes that ask ahead."""
        if self._ahead is not None:
            self._ahead.close()

    # ---- the loop

    def run(self) -> bool:
        """Train until the budget is used; whether it is (False: stopped by a signal, and saved)."""
        log: Log | None = None
        saved = validated = shown = time.monotonic()
        shown_pictures, count = self.pictures, 0
        sums: dict[str, Tensor] = {}
        with self.task.listening(), self._stops_on_signals():
            while not self._stopping and (share := self._share()) < 1:
                losses = self._take_step(share)
                share, now = self._share(), time.monotonic()
                sums = {name: loss + sums.get(name, 0.0) for name, loss in losses.items()}
                count += 1
                ends = self._stopping or share >= 1
                if not ends and now - shown < LOG_EVERY_S:
                    continue
                row = self._row(share, sums, count)
                log = log or Log(
                    self.settings.out, tuple(losses), self.task.figure_name, self.step - count
                )
                if ends or now - validated >= self.settings.validate_every_s:
                    row[self.task.figure_name] = self.validate()
                    validated = time.monotonic()
                log.write(row)
                rate = (self.pictures - shown_pictures) / max(now - shown, 1e-9)
                left = self.elapsed_s / max(share, 1e-9) * (1 - share)
                show(row, self.task.figure_name, rate, left)
                shown, shown_pictures, sums, count = time.monotonic(), self.pictures, {}, 0
                if now - saved >= self.settings.save_every_s:
                    self.save()
                    saved = time.monotonic()
        self.save()
        return self._share() >= 1

    def _share(self) -> float:
        return self.budget.share(self.step, self.elapsed_s)

    def _take_step(self, share: float) -> dict[str, Tensor]:
        begin = time.monotonic()
        rate = learning_rate(share, self.recipe.learning_rate, self.recipe.warm_up)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
        losses = self.losses(phase_at(share, self.recipe.phases))
        total = torch.stack(list(losses.values())).sum()
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        parameters = [p for module in self._modules for p in module.parameters()]
        torch.nn.utils.clip_grad_norm_(parameters, self.recipe.clip_norm)
        for optimizer in self.optimizers:
            optimizer.step()
        self.average.update(self.task.net, self.step)
        self.step += 1
        self.pictures += self.recipe.batch
        self.elapsed_s += time.monotonic() - begin
        # Not read here: a GPU would be waited for.
        return {name: loss.detach() for name, loss in losses.items()}

    def losses(self, phase: Phase) -> dict[str, Tensor]:
        """The losses of this step's pictures, augmented by its chances."""
        # All chances follow from seed and step, so that a checkpoint needs no generator's state.
        number = chances(self.settings.seed, self.step)
        generator = torch.Generator().manual_seed(number)
        torch.manual_seed(number)
        pictures = self.source.batch(self.step)
        if self._ahead is None:
            asked = self.task.questions(pictures.scenes, number)
        else:
            asked = self._ahead(self.step)
        for module in self._modules:
            module.train()
        with self._half_precision():
            return self.task.losses(pictures.to(self.settings.device), asked, phase, generator)

    def _half_precision(self) -> AbstractContextManager[Any]:
        if self.settings.autocast is None:
            return nullcontext()
        return torch.autocast(self.settings.device.type, self.settings.autocast)

    @torch.no_grad()
    def validate(self) -> float:
        """The task's figure of the averaged weights."""
        self.task.net.eval()
        with self.average.applied(self.task.net), self._half_precision():
            return self.task.validate(self._watched)

    def _row(self, share: float, sums: dict[str, Tensor], count: int) -> dict[str, float]:
        losses = {name: float(total) / count for name, total in sums.items()}
        return {
            "step": self.step,
            "pictures": self.pictures,
            "seconds": self.elapsed_s,
            "share": share,
            "learning_rate": self.optimizers[0].param_groups[0]["lr"],
            "size": phase_at(share, self.recipe.phases).size,
            "loss": sum(losses.values()),
            **losses,
        }

    # ---- stopping and going on

    @contextmanager
    def _stops_on_signals(self) -> Iterator[None]:
        """Ctrl+C and a request to end let the step finish, so that a whole state is saved."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(_signal: int, _frame: object) -> None:
            self._stopping = True

        before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def save(self) -> None:
        """Write the checkpoint."""
        progress = Progress(
            step=self.step,
            elapsed_s=self.elapsed_s,
            pictures=self.pictures,
            seed=self.settings.seed,
            command=self.settings.command,
            machine=described(self.settings.device),
            net=self.task.net.state_dict(),
            heads=self.task.heads.state_dict(),
            average=self.average.state,
            optimizer={str(i): each.state_dict() for i, each in enumerate(self.optimizers)},
        )
        save_checkpoint(self.settings.out, self.recipe, progress)

    def _restore(self, progress: Progress) -> None:
        self.task.net.load_state_dict(progress.net)
        self.task.heads.load_state_dict(progress.heads)
        for place, optimizer in enumerate(self.optimizers):
            optimizer.load_state_dict(progress.optimizer[str(place)])
        for name, tensor in progress.average.items():
            self.average.state[name].copy_(tensor)
        self.step, self.elapsed_s = progress.step, progress.elapsed_s
        self.pictures = progress.pictures
