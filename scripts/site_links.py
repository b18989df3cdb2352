"""A hook of MkDocs: the model cards become pages, and other links that leave the folder ``docs`` become names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.structure.files import File, Files

ROOT: Final = Path(__file__).resolve().parents[1]
_OUTSIDE: Final = re.compile(r"\[([^\]]+)\]\((?:\.\./)?((?:[^)#\s]+/)*[^)#\s]+)(?:#[^)]*)?\)")
_CARD: Final = re.compile(r"weights/CARD-(\w+)\.md")


def on_files(files: Files, config: Any) -> Files:
    """Adds a page for each model card."""
    for path in sorted((ROOT / "weights").glob("CARD-*.md")):
        name = f"cards/{path.stem.removeprefix('CARD-')}.md"
        files.append(File.generated(config, name, content=path.read_text("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links to files outside ``docs`` into their names; one to no file stays, and is an error."""
    folder = ROOT / "weights" if page.file.src_uri.startswith("cards/") else ROOT / "docs"

    def replaced(found: re.Match[str]) -> str:
        target = (folder / found[0].rpartition("](")[2].rstrip(")").partition("#")[0]).resolve()
        if not target.exists() or (folder.name == "docs" and target.is_relative_to(folder)):
            return found[0]
        name = target.relative_to(ROOT).as_posix()
        card = _CARD.fullmatch(name)
        if card and folder.name == "docs":
            return f"[{found[1]}](cards/{card[1]}.md)"
        return f"{found[1]} (`{name}` in the repository)"

    return _OUTSIDE.sub(replaced, markdown)
