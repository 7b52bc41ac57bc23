"""What the user gave: a parameters file, NAME=VALUE settings and options, read strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from crmlab.errors import (
    ParameterError,
    SourceNotFound,
    UnknownParameter,
    UnreadableSource,
    WrongParameter,
)
from crmlab.runs.parameters import BASE, CDNOW, EXAMPLE, Declared

P = TypeVar("P", bound=Declared)

_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_NAMED = re.compile(r"postgres:.*")
"""Sources that are named and not found by a path."""

_FOLDER, _FILE = "data/base", "base.duckdb"
"""Where the customer base is if nothing else is said, and its file there."""

_LARGEST = 1_000_000
_WORD = "tag:yaml.org,2002:str"


class UnreadableParameters(ParameterError):
    """A parameters file that cannot be read as one."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"The parameters file '{path}' cannot be read: {found}. "
            "It must be YAML or JSON with one 'name: value' a line."
        )


def gather(
    kind: type[P],
    *,
    file: Path | None = None,
    settings: Sequence[str] = (),
    options: Mapping[str, str | None] | None = None,
) -> P:
    """Parameters from a file, then NAME=VALUE settings, then options; each overrides the last.

    Raises a ParameterError (exit code 2) for an unknown name, a wrong type or range, or a file
    that cannot be read.
    """
    values = read_file(kind, file) if file else {}
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign:
            raise ParameterError(f"'--set {setting}' has no '='. Write: --set NAME=VALUE")
        values[name.strip()] = from_text(kind, name.strip(), text)
    for name, given in (options or {}).items():
        if given is not None:
            values[name] = from_text(kind, name, given)
    return kind.build(values)


def from_text(kind: type[Declared], name: str, text: str) -> object:
    """The value that `text` stands for in parameter `name`.

    Text that does not read as the type stays text, which the parameters' own check then refuses.
    """
    if name not in kind.model_fields:
        raise UnknownParameter(name, kind.model_fields)
    types = _types(kind, name)
    if type(None) in types and text.strip().casefold() == "none":
        return None
    if bool in types and text.strip().casefold() in ("true", "false"):
        return text.strip().casefold() == "true"
    if float in types and _NUMBER.fullmatch(text.strip()):
        return float(text)
    if int in types and _WHOLE.fullmatch(text.strip()) and len(text) < 20:
        return int(text)
    return text


def _types(kind: type[Declared], name: str) -> list[Any]:
    """The plain types of a parameter: float of a limited float, dict of one by category."""
    annotation = kind.model_fields[name].annotation
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else [annotation]
    bare = [get_args(part)[0] if get_origin(part) is Annotated else part for part in parts]
    return [get_origin(part) or part for part in bare]


def read_file(kind: type[Declared], path: Path) -> dict[str, object]:
    """The values in a YAML or JSON file, by name."""
    try:
        if path.stat().st_size > _LARGEST:
            raise UnreadableParameters(path, "it is larger than a parameters file can be")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableParameters(path, "it is not text in UTF-8") from None
    except OSError as error:
        raise UnreadableParameters(path, (error.strerror or str(error)).lower()) from None
    if path.suffix.casefold() == ".json":
        return _read_json(path, text)
    return _read_yaml(kind, path, text)


def _read_json(path: Path, text: str) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        _refuse_repeated(path, [name for name, _ in pairs])
        return dict(pairs)

    try:
        values = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        found = f"line {error.lineno}: {error.msg}"
        raise UnreadableParameters(path, found) from None
    except RecursionError:
        raise UnreadableParameters(path, "it is nested too deeply") from None
    if not isinstance(values, dict):
        raise UnreadableParameters(path, "it does not hold names and values")
    return values


def _read_yaml(kind: type[Declared], path: Path, text: str) -> dict[str, object]:
    """Read the words themselves, so that NO, 1997-09-30 and 007 stay what was written."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        found = f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else str(error)
        raise UnreadableParameters(path, found) from None
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode) or any(k.tag != _WORD for k, _ in node.value):
        raise UnreadableParameters(path, "it does not hold names and values")
    _refuse_repeated(path, [key.value for key, _ in node.value])
    return {key.value: _yaml_value(kind, path, key.value, value) for key, value in node.value}


def _yaml_value(kind: type[Declared], path: Path, name: str, node: object) -> object:
    text, tag = getattr(node, "value", None), getattr(node, "tag", "")
    if name in kind.model_fields and dict in _types(kind, name) and tag.endswith("map"):
        _refuse_repeated(path, [key.value for key, _ in node.value])  # type: ignore[attr-defined]
        pairs = node.value  # type: ignore[attr-defined]
        return {key.value: from_text(kind, name, str(one.value)) for key, one in pairs}
    if not isinstance(text, str):
        return [] if tag.endswith("seq") else {}
    if tag == "tag:yaml.org,2002:null":
        text = "none"
    return from_text(kind, name, text)


def _refuse_repeated(path: Path, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UnreadableParameters(path, f"'{name}' is given more than once")


TABLES = ("merged_ids", "attributes", "cost_to_serve", "acquisition_cost", "margin")
"""Parameters that may be the path of a table."""

MIXED = {"margin": ("column", "cost", "unit_cost"), "acquisition_cost": ()}
"""Parameters that need not be a path, and the words that they may be instead."""


def table_paths(parameters: Declared) -> dict[str, str]:
    """The tables that were given, by parameter."""
    given = {name: getattr(parameters, name, None) for name in TABLES}
    return {
        name: text for name, text in given.items()
        if isinstance(text, str) and text not in MIXED.get(name, ())
    }  # fmt: skip


def with_tables_located(parameters: P) -> P:
    """The same with the absolute paths of the tables that were given.

    Raises WrongParameter, with the nearest names, where there is no such file, or a folder.
    """
    paths = {}
    for name, text in table_paths(parameters).items():
        try:
            paths[name] = locate(text)
        except SourceNotFound as error:
            near = f" (did you mean {' or '.join(map(repr, error.near))}?)" if error.near else ""
            found = f"{text}, of which there is no file{near}"
            raise WrongParameter(name, found, parameters.expected(name)) from None
        except UnreadableSource as error:
            if BASE.fullmatch(text):
                raise
            raise WrongParameter(name, f"{text}: {error.what}", "one file with a table") from None
    return parameters.model_copy(update=paths)


def locate(source: str) -> str:
    """The absolute path of `source`, also of a customer base; cdnow or a connection as it is.

    Raises SourceNotFound with the nearest names if nothing is there, UnreadableSource for a folder.
    """
    base = BASE.fullmatch(source)
    if base is not None:
        return _base(source, _at_home(base["folder"] or _FOLDER), base["day"] or "")
    if source in (*CDNOW, EXAMPLE) or _NAMED.fullmatch(source):
        return source
    path = _at_home(source)
    try:
        found, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name too long, or with a character that no name may have
        found, folder = False, False
    if not found:
        raise SourceNotFound(source, [*_beside(path), *CDNOW])
    if folder and (path / _FILE).is_file():
        return _base(source, path, "")
    if folder:
        raise UnreadableSource(source, "it is a folder", "Give the path of a file in it.")
    return str(path.resolve())


def _at_home(path: str) -> Path:
    """The path with ~ and ~name as the folders that they are, if there is such a user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _base(source: str, folder: Path, day: str) -> str:
    if not (folder / _FILE).is_file():
        found = f"there is no customer base in '{folder}'"
        raise UnreadableSource(source, found, "Load a file into it: crmlab base load FILE")
    return f"base:{folder.resolve()}{day}"


def _beside(path: Path) -> list[str]:
    try:
        files = (other.name for other in path.parent.iterdir() if other.is_file())
        return [str(path.parent / name) for name in islice(files, 1000)]
    except (OSError, ValueError):
        return []
