"""How a named database is reached: from the environment or a settings file, never a parameter."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from crmlab.errors import UnknownConnection, WrongConnection

VARIABLE = "CRMLAB_CONNECTION_"
"""Followed by the name in capitals: postgres:shop is CRMLAB_CONNECTION_SHOP."""

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
TIMEOUT = 600.0
CONNECT_TIMEOUT = 10
LIBPQ = ("host", "port", "user", "dbname", "sslmode", "password")
KEYS = ("url", *LIBPQ, "password_env", "statement_timeout")


@dataclass(frozen=True)
class Connection:
    """The way to a database. `parameters` are libpq's and may hold a password: they are not shown.

    `timeout` is in seconds; None leaves it to the options that the connection has itself.
    """

    name: str
    parameters: Mapping[str, Any] = field(repr=False)
    timeout: float | None = TIMEOUT

    def clean(self, message: str) -> str:
        """The first line of a message, without the password."""
        line = message.strip().partition("\n")[0][:300]
        secret = self.parameters.get("password")
        return line.replace(str(secret), "***") if secret else line


def find(name: str) -> Connection:
    """The connection of this name: the environment first, then crmlab.toml in the working
    directory, then connections.toml in the user's settings.

    Raises UnknownConnection or WrongConnection; neither shows what is described.
    """
    variable = VARIABLE + name.upper().replace("-", "_")
    if not NAME.fullmatch(name):
        remedy = "Letters, digits, - and _ make a name: postgres:shop"
        raise WrongConnection(name, "that is no name", remedy)
    if address := os.environ.get(variable):
        parameters = _parsed(name, address, f"the environment variable {variable}")
        own = "statement_timeout" in str(parameters.get("options", ""))
        return Connection(name, parameters, None if own else TIMEOUT)
    known: list[str] = []
    for path in settings_files():
        described = _described(name, path)
        if name in described:
            return _from_settings(name, described[name], path)
        known += described
    raise UnknownConnection(name, variable, known)


def settings_files() -> list[Path]:
    """Where connections may be described; the first that has the name counts."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    try:
        own = [Path(home).expanduser() / "crmlab" / "connections.toml"]
    except RuntimeError:  # a user without a home
        own = []
    return [path for path in (Path("crmlab.toml"), *own) if path.is_file()]


def _described(name: str, path: Path) -> Mapping[str, Any]:
    try:
        described = tomllib.loads(path.read_text(encoding="utf-8")).get("connections", {})
    except OSError as error:
        raise WrongConnection(name, f"'{path}': {error.strerror}", "Check the file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # Its own message could show the line, and with it the password.
        raise WrongConnection(name, f"'{path}' is not TOML", "Correct it.") from None
    if not isinstance(described, dict):
        remedy = "Write [connections.NAME] and under it url or host."
        raise WrongConnection(name, f"'connections' in '{path}' is no table", remedy)
    return described


def _from_settings(name: str, given: object, path: Path) -> Connection:
    where = f"[connections.{name}] in '{path}'"
    if not isinstance(given, dict):
        raise WrongConnection(name, f"{where} is no table", "Write url or host under it.")
    unknown = sorted({*given} - {*KEYS})
    if unknown:
        remedy = f"It may have {', '.join(KEYS)}."
        raise WrongConnection(name, f"{where} has {unknown[0]!r}", remedy)
    parameters = _parsed(name, given["url"], where) if "url" in given else {}
    parameters |= {key: given[key] for key in LIBPQ if key in given}
    if "password" in parameters:
        _refuse_if_open(name, path)
    if "password_env" in given:
        parameters["password"] = _secret(name, str(given["password_env"]))
    timeout = given.get("statement_timeout", TIMEOUT)
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or timeout <= 0:
        raise WrongConnection(name, f"statement_timeout in {where} is {timeout!r}", "Give seconds.")
    return Connection(name, parameters, float(timeout))


def _parsed(name: str, address: object, where: str) -> dict[str, Any]:
    try:
        parameters = dict(conninfo_to_dict(str(address)))
    except psycopg.Error:
        # libpq's own message could show a part of the password.
        remedy = "Write postgresql://user@host:port/database or host=... dbname=... user=..."
        raise WrongConnection(name, f"{where} is not an address", remedy) from None
    return parameters


def _secret(name: str, variable: str) -> str:
    secret = os.environ.get(variable)
    if secret is None:
        found = f"the environment variable {variable}, which should hold its password, is not set"
        raise WrongConnection(name, found, "Set it.")
    return secret


def _refuse_if_open(name: str, path: Path) -> None:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        found = f"'{path}' holds a password and others may read it"
        raise WrongConnection(name, found, f"Keep it to yourself: chmod 600 {path}")
