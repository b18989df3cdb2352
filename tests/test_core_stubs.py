"""The stubs _core.pyi, _metrics.pyi and _raster.pyi: parameters and defaults agree with the compiled functions.

stubtest cannot see the parameters of compiled functions. pybind11 writes them into the first line of their docstrings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import ModuleType

import pytest
from helpers import ROOT

from saliency_jpeg.codec import _core
from saliency_jpeg.image import _raster
from saliency_jpeg.metrics import _metrics

PACKAGE = ROOT / "saliency_jpeg"
STUBS = {_core: "codec/_core.pyi", _metrics: "metrics/_metrics.pyi", _raster: "image/_raster.pyi"}
Function = ast.FunctionDef


def stub_functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yields functions and methods, except properties, with their dotted names."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from stub_functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, Function) and not node.decorator_list:
            yield prefix + node.name, node


def cases() -> list[tuple[ModuleType, str, Function]]:
    functions = [
        (module, name, node)
        for module, path in STUBS.items()
        for name, node in stub_functions(ast.parse((PACKAGE / path).read_text()).body)
    ]
    return [case for case in functions if case[1] != "JpegImage.__init__"]  # it has no constructor


def compiled(module: ModuleType, name: str) -> Function:
    """The function as its docstring describes it."""
    found: object = module
    for part in name.split("."):
        found = getattr(found, part)
    (node,) = ast.parse(f"def {str(found.__doc__).splitlines()[0]}: ...").body
    assert isinstance(node, Function)
    return node


def parameters(node: Function) -> list[tuple[str, str | None]]:
    """Names in order with the source of their defaults; ``*`` precedes the keyword-only ones."""
    arguments = node.args
    assert not arguments.posonlyargs
    required: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
    both = [*arguments.args, ast.arg("*"), *arguments.kwonlyargs]
    defaults = [*required, *arguments.defaults, None, *arguments.kw_defaults]
    return [(a.arg, ast.unparse(d) if d else None) for a, d in zip(both, defaults, strict=True)]


def test_all_functions_are_compared() -> None:
    names = [name for _, name, _ in cases()]
    assert {"quantize", "read_jpeg", "Ssimulacra2.__init__", "Ssimulacra2.score", "ms_ssim"} <= set(names)


@pytest.mark.parametrize(("module", "name", "stub"), cases(), ids=[name for _, name, _ in cases()])
def test_parameters_agree(module: ModuleType, name: str, stub: Function) -> None:
    assert parameters(stub) == parameters(compiled(module, name))


def test_every_public_name_has_a_stub() -> None:
    for module, path in STUBS.items():
        body = ast.parse((PACKAGE / path).read_text()).body
        stubs = {node.name for node in body if isinstance(node, (Function, ast.ClassDef))}
        stubs |= {
            node.target.id for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        }
        assert {name for name in dir(module) if not name.startswith("_")} == {s for s in stubs if not s.startswith("_")}
