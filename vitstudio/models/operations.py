"""Torch's operations, written down while they are done, for torch's own interpreter to do again.

`torch.jit.trace` writes them down too, but holds Python's lock while it tidies up afterwards, for
up to 0.1 s, and keeps every function with its net for ever. What is written here is done as it is:
the same operations in the same order, whichever Python code asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

Script = Callable[[Tensor], tuple[Tensor, ...]]

MEMORY_FORMATS = {
    torch.contiguous_format: 0,
    torch.preserve_format: 1,
    torch.channels_last: 2,
    torch.channels_last_3d: 3,
}
"""By torch's own numbers, which is what its interpreter knows them as."""
OF_TYPES_ALONE = {"aten::result_type"}
"""Operations on tensors whose answer is no tensor, and the same whatever the values are."""


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operation that is done inside, on this thread.

    Tensors that come from elsewhere, such as parameters, become constants.

    Parameters
    ----------
    given : Tensor
        What another tensor will take the place of.
    """

    def __init__(self, given: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph: Any = torch._C.Graph()
        # Weak: with all tensors alive a large net would need several times its memory.
        self._values: Any = WeakTensorKeyDictionary()
        self._constants: dict[tuple[type, str], Any] = {}
        self._values[given] = self._graph.addInput("given")

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler, for more than a second, not to compile this."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        options = kwargs or {}
        result = func(*args, **options)
        self._note(func._schema, args, options, result)
        return result

    def script(self, wanted: Sequence[Tensor]) -> Script:
        """What does it all again for another tensor, and gives those in place of the wanted ones.

        No operations can be noted afterwards.
        """
        values = [self._value(tensor) for tensor in wanted]
        node = self._add("prim::TupleConstruct", values)
        kinds: list[Any] = [torch._C.TensorType.get()] * len(values)
        node.output().setType(torch._C.TupleType(kinds))
        self._graph.registerOutput(node.output())
        script: Script = torch._C._create_function_from_graph("forward", self._graph)
        return script

    def _note(self, schema: Any, args: Sequence[Any], options: dict[str, Any], result: Any) -> None:
        results = result if isinstance(result, tuple) else (result,)
        # Some give None for a tensor that was not wanted.
        if not all(each is None or _has_tensors(each) for each in results) or result is None:
            asked = (*args, *options.values())
            if any(_has_tensors(each) for each in asked) and schema.name not in OF_TYPES_ALONE:
                raise RuntimeError(f"the net reads values back ({schema.name})")
            return  # a number that Python goes on with: it is the same for every picture
        inputs = []
        for place, argument in enumerate(schema.arguments):
            if place < len(args):
                given = args[place]
            else:
                given = options.get(argument.name, argument.default_value)
            inputs.append(self._value(given, argument.type))
        node = self._add(schema.name, inputs, len(results))
        for each, value, returned in zip(results, node.outputs(), schema.returns, strict=True):
            if isinstance(each, Tensor):
                self._values[each] = value
            elif each is not None:
                value.setType(returned.type)
                self._unpack(each, value)

    def _unpack(self, tensors: Sequence[Tensor], value: Any) -> None:
        node = self._add("prim::ListUnpack", [value], len(tensors))
        for tensor, part in zip(tensors, node.outputs(), strict=True):
            self._values[tensor] = part

    def _add(self, kind: str, inputs: list[Any], count: int = 1) -> Any:
        node = self._graph.create(kind, inputs, count)
        self._graph.appendNode(node)
        return node

    def _value(self, thing: Any, kind: Any = None) -> Any:
        """A tensor, or whatever else an operation takes, in the graph."""
        if isinstance(thing, Tensor):
            if thing not in self._values:
                constant = thing.detach() if thing.requires_grad else thing
                self._values[thing] = self._graph.insertConstant(constant)
            return self._values[thing]
        if isinstance(thing, list | tuple):
            if _has_tensors(thing):
                return self._list([self._value(each) for each in thing], kind)
            if not thing:  # a shape of no axes
                return self._list([], torch._C.ListType(torch._C.IntType.get()))
            thing = list(thing)
        elif isinstance(thing, torch.memory_format):
            thing = MEMORY_FORMATS[thing]
        # One each: there are thousands of numbers, most of them 0, 1 and 2.
        key = type(thing), repr(thing)
        if key not in self._constants:
            self._constants[key] = self._graph.insertConstant(thing)
        return self._constants[key]

    def _list(self, values: list[Any], kind: Any) -> Any:
        node = self._add("prim::ListConstruct", values)
        node.output().setType(kind)
        return node.output()


def _has_tensors(thing: Any) -> bool:
    """Whether it is a tensor, or a list with one."""
    if isinstance(thing, list | tuple):
        return any(isinstance(each, Tensor) for each in thing)
    return isinstance(thing, Tensor)
