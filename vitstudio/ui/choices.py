"""What a key, a button or a click changes in the state; no Qt, so that all of them are one verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vitstudio.core.smoothing import MEANS_S
from vitstudio.core.state import (
    DEPTHS_OF,
    DepthOf,
    Direction,
    Fit,
    Head,
    Scale,
    State,
    ViewKind,
)
from vitstudio.core.truth import CAPTION_TEMPLATE, Truth
from vitstudio.state.app_state import AppState
from vitstudio.state.resolve import ViewState
from vitstudio.state.titles import chosen_prompt

LOOK_FIELDS = (
    *("opacity", "colormap", "scale", "fixed_range"),
    *("smooth", "show_grid", "show_offsets", "invert"),
)


class Choices:
    """Verbs that write the state, starting from what is on screen.

    Parameters
    ----------
    state : AppState
    shown : callable
        The ViewState on screen: stepping starts from the clamped layer and head, not from a wish
        that the model cannot fulfil.
    """

    def __init__(self, state: AppState, shown: Callable[[], ViewState]) -> None:
        self._state = state
        self._shown = shown

    def step_layer(self, step: int) -> None:
        """Go `step` layers deeper; the first and the last layer are the ends."""
        self.set_layer(self._shown().state.layer + step)

    def set_layer(self, layer: int) -> None:
        """Go to a layer (from 0)."""
        spec = self._shown().spec
        if spec is not None:
            self._state.update(layer=min(max(layer, 0), spec.num_layers - 1))

    def first_layer(self) -> None:
        """Go to the layer next to the picture."""
        self.set_layer(0)

    def last_layer(self) -> None:
        """Go to the deepest layer."""
        spec = self._shown().spec
        if spec is not None:
            self.set_layer(spec.num_layers - 1)

    def step_head(self, step: int) -> None:
        """Go `step` heads on; from mean or max the nearest end comes first."""
        view = self._shown()
        count = view.layer.num_heads if view.layer is not None else 0
        if count == 0:
            return
        head = view.state.head
        if isinstance(head, str):
            head = -1 if step > 0 else count
        self._state.update(head=min(max(head + step, 0), count - 1))

    def set_head(self, head: Head) -> None:
        """One head, or "mean" or "max" of them."""
        self._state.update(head=head)

    def single_head(self) -> None:
        """From mean or max to one head."""
        if isinstance(self._shown().state.head, str):
            self._state.update(head=0)

    def pick_cell(self, layer: int, head: int) -> None:
        """One map of the atlas."""
        self._state.update(layer=layer, head=head, view="attention")

    def ask_point(self, x: float, y: float) -> None:
        """Ask the patch at a point of the source picture in [0, 1]."""
        self._state.update(query=(min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)))

    def ask_class_token(self) -> None:
        """Ask the class token, or the centre patch where there is none."""
        spec = self._shown().spec
        prefix = spec.prefix_tokens if spec is not None else ("cls",)
        self._state.update(query="cls" if "cls" in prefix else (0.5, 0.5))

    def toggle_direction(self) -> None:
        """From "looks at" to "looked at by" and back."""
        self.set_direction("to" if self._state.state.direction == "from" else "from")

    def set_direction(self, direction: Direction) -> None:
        """What the token looks at ("from"), or who looks at it ("to")."""
        self._state.update(direction=direction)

    def set_view(self, view: ViewKind) -> None:
        """Another view of the same trace."""
        self._state.update(view=view)

    def set_fit(self, fit: Fit) -> None:
        """How the picture becomes the net's input."""
        self._state.update(fit=fit)

    def set_patches(self, patches: int | None) -> None:
        """Patches along the shorter side; None for the model's default."""
        self._state.update(patches=patches)

    def set_device(self, device: str, precision: str) -> None:
        """Where the net runs, and with which numbers."""
        self._state.update(device=device, precision=precision)

    def set_model(self, model_id: str, weights: str = "default") -> None:
        """Another model."""
        self._state.update(model_id=model_id, weights=weights)

    def toggle_replay(self) -> None:
        """Repeat a GPU's recorded work for pictures that move, or ask for every step of it."""
        self._state.update(replay=not self._state.state.replay)

    def toggle_grid(self) -> None:
        """Show or hide the patch grid."""
        self._state.update(show_grid=not self._state.state.show_grid)

    def toggle_smooth(self) -> None:
        """Smooth map, or one flat colour a patch."""
        self._state.update(smooth=not self._state.state.smooth)

    def toggle_offsets(self) -> None:
        """Show or hide the lines from reference points to sampling points."""
        self._state.update(show_offsets=not self._state.state.show_offsets)

    def toggle_before(self) -> None:
        """Change between the features that a layer gives and those that go into it."""
        self._state.update(before=not self._state.state.before)

    def set_level(self, level: int) -> None:
        """Ask a token of another level (from 0), in layers that hold several."""
        layer = self._shown().layer
        if layer is not None:
            self._state.update(level=min(max(level, 0), layer.num_levels - 1))

    def step_level(self, step: int) -> None:
        """Go `step` levels coarser."""
        self.set_level(self._shown().state.level + step)

    def step_opacity(self, step: float) -> None:
        """Make the overlay stronger or fainter."""
        self.set_opacity(self._state.state.opacity + step)

    def set_opacity(self, opacity: float) -> None:
        """Opacity of the overlay in [0, 1]."""
        self._state.update(opacity=round(min(max(opacity, 0.0), 1.0), 3))

    def set_colormap(self, name: str) -> None:
        """Colour map of the overlay."""
        self._state.update(colormap=name)

    def set_scale(self, scale: Scale) -> None:
        """Which values the first and last colour stand for."""
        self._state.update(scale=scale)

    def set_fixed_range(self, low: float, high: float) -> None:
        """The fixed colour range; nothing happens while low is not below high."""
        if low < high:
            self._state.update(scale="fixed", fixed_range=(low, high))

    def set_scene(self, source: str, going_on: bool) -> None:
        """Another made scene; `going_on` while one control moves, which is one step for undo."""
        change = self._state.adjust if going_on else self._state.update
        change(source=source)

    def set_depth_of(self, what: DepthOf) -> None:
        """Show the net's depth, the true one, or their distance."""
        self._state.update(view="depth", depth_of=what)

    def step_depth_of(self) -> None:
        """From the net's depth to the true one, to their distance, and back."""
        state = self._shown().state
        place = DEPTHS_OF.index(state.depth_of) + 1 if state.view == "depth" else 0
        self.set_depth_of(DEPTHS_OF[place % len(DEPTHS_OF)])

    def use_captions(self, truth: Truth) -> None:
        """Compare a made scene with a true caption and false ones."""
        self._state.update(
            prompts=truth.captions, prompt=truth.right, templates=(CAPTION_TEMPLATE,)
        )

    def toggle_invert(self) -> None:
        """Colour map from high to low, or back."""
        self._state.update(invert=not self._state.state.invert)

    def set_iso_step(self, metres: float) -> None:
        """Distance between the iso-lines of a depth map; 0 for none."""
        self._state.update(iso_step=max(0.0, round(metres, 3)))

    def set_live_mean(self, seconds: float) -> None:
        """Over how long labels and colours of live pictures are averaged; 0 for none."""
        self._state.update(live_mean_s=seconds)

    def step_live_mean(self, step: int) -> None:
        """Take a longer or a shorter mean."""
        now = self._state.state.live_mean_s
        further = [mean_s for mean_s in MEANS_S if (mean_s - now) * step > 0]
        if further:
            self.set_live_mean(min(further, key=lambda mean_s: abs(mean_s - now)))

    def set_field_of_view(self, degrees: float) -> None:
        """How wide the camera saw, for a depth map in space."""
        self._state.update(field_of_view=min(max(degrees, 1.0), 170.0))

    def type_prompts(self, prompts: Sequence[str]) -> None:
        """Prompts while they are typed: undo takes back the whole row of changes."""
        self._state.adjust(**self._with_prompts(prompts))

    def set_prompts(self, prompts: Sequence[str]) -> None:
        """Another list of prompts; the chosen one stays chosen where it is among them."""
        self._state.update(**self._with_prompts(prompts))

    def _with_prompts(self, prompts: Sequence[str]) -> dict[str, Any]:
        state, found = self._state.state, tuple(prompts)
        chosen = chosen_prompt(state)
        if chosen in found:
            place = found.index(chosen)
        else:
            place = min(state.prompt, max(len(found) - 1, 0))
        return {"prompts": found, "prompt": place}

    def set_templates(self, templates: Sequence[str]) -> None:
        """Other sentences around the prompts."""
        self._state.adjust(templates=tuple(templates))

    def choose_prompt(self, prompt: str) -> None:
        """Show what speaks for one of the prompts."""
        prompts = self._state.state.prompts
        if prompt in prompts:
            self._state.update(prompt=prompts.index(prompt), view="relevance", text_token=None)

    def set_text_token(self, token: int) -> None:
        """Ask another token of the chosen prompt what it looks at."""
        self._state.update(text_token=token)

    def set_start_layer(self, layer: int | None) -> None:
        """The first layer that relevance goes through; None for the last one alone."""
        self._state.update(start_layer=layer)

    def reset_look(self) -> None:
        """Colours, scale and opacity as they are at first."""
        first = State()
        changes: dict[str, Any] = {name: getattr(first, name) for name in LOOK_FIELDS}
        self._state.update(**changes)

    def undo(self) -> None:
        """Go back one choice."""
        self._state.undo()

    def redo(self) -> None:
        """Take back an undo."""
        self._state.redo()
