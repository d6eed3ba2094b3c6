"""Settings of methods: what can be set, between which limits, and how it is typed or shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints


def setting(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] = (),
) -> Any:
    """Declares one field of a `Settings` dataclass.

    Args:
        default: Its value if nobody says otherwise; a bool, int, float, str or tuple of floats.
        text: What it is, for people, with its unit.
        low: Lowest value that is allowed.
        high: Highest value that is allowed.
        choices: The only values that are allowed.
    """
    return field(
        default=default, metadata={"text": text, "low": low, "high": high, "choices": choices}
    )


@dataclass(frozen=True)
class NoSettings:
    """For methods with nothing to set."""


@dataclass(frozen=True)
class SettingField:
    """One thing that can be set, for forms and help texts.

    Attributes:
        name: As in the dataclass.
        kind: `bool`, `int`, `float`, `str` or `tuple`.
        default: Its value if nobody says otherwise.
        text: What it is.
        low: Lowest value allowed, if there is one.
        high: Highest value allowed, if there is one.
        choices: The only values allowed; empty if there are others.
    """

    name: str
    kind: type
    default: Any
    text: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()


def fields_of(settings_type: type) -> tuple[SettingField, ...]:
    """Gives what can be set in a `Settings` dataclass, in its order."""
    hints = get_type_hints(settings_type)
    found = []
    for one in dataclasses.fields(settings_type):
        kind = hints[one.name]
        kind = kind if isinstance(kind, type) and kind in (bool, int, float, str) else tuple
        said = {key: one.metadata[key] for key in ("text", "low", "high", "choices")}
        found.append(SettingField(one.name, kind, one.default, **said))
    return tuple(found)


def make_settings(settings_type: type, values: Mapping[str, Any], method: str) -> Any:
    """Makes settings from typed or stored values; what is not named keeps its default.

    Args:
        settings_type: The dataclass.
        values: Values, or texts of values as typed at a shell, by name.
        method: Whose settings, for messages.

    Raises:
        ValueError: If there is no such setting, or a value is of the wrong kind or not allowed.
    """
    known = {f.name: f for f in fields_of(settings_type)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(
            f"{method}: got settings {unknown}, allowed are {sorted(known) or 'none'}."
        )
    return settings_type(**{n: _value(known[n], v, method) for n, v in values.items()})


def check_settings(settings: Any, method: str) -> None:
    """Checks that all values are within their limits.

    Raises:
        ValueError: If one is not.
    """
    for one in fields_of(type(settings)):
        _value(one, getattr(settings, one.name), method)


def _value(known: SettingField, value: Any, method: str) -> Any:
    try:
        value = _converted(known.kind, value)
    except (TypeError, ValueError):
        raise ValueError(
            f"{method}, {known.name}: got {value!r}, allowed is a {known.kind.__name__}"
            f" ({known.text})."
        ) from None
    if known.choices and value not in known.choices:
        allowed = ", ".join(map(str, known.choices))
        raise ValueError(f"{method}, {known.name}: got {value!r}, allowed are {allowed}.")
    for number in value if isinstance(value, tuple) else (value,):
        # Written so that NaN, which is neither below nor above, is refused too.
        low_enough = known.high is None or number <= known.high
        if not (low_enough and (known.low is None or number >= known.low)):
            low = "-inf" if known.low is None else known.low
            high = "inf" if known.high is None else known.high
            raise ValueError(
                f"{method}, {known.name}: got {value!r}, allowed is {low} to {high} ({known.text})."
            )
    return value


def _converted(kind: type, value: Any) -> Any:
    if kind is bool:
        if str(value).lower() not in ("true", "false"):
            raise ValueError(value)
        return str(value).lower() == "true"
    if kind is tuple:
        parts = value.split("x") if isinstance(value, str) else value
        return tuple(float(part) for part in parts)
    if kind is int and float(value) != int(float(value)):
        raise ValueError(value)
    return int(float(value)) if kind is int else kind(value)
