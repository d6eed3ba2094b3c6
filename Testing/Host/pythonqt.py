"""PythonQt's manners on PySide6 classes.

Slicer's ``qt`` module is made by PythonQt. Module code written for it differs from PySide6 code:

* Qt properties are attributes: ``button.enabled = False``, ``box.currentText``, ``widget.width``
* ``widget.connect("clicked(bool)", function)`` names the signal by its C++ signature; the function
  gets only as many arguments as it takes
* an unknown signal, or setting an attribute that is no property, is an error
* ``exec_()``, ``className()``, ``name``, ``delete()``

``install()`` gives the PySide6 classes these manners, once per process and for good.
Different from PythonQt: the properties that C++ also calls as virtual functions (``VIRTUAL``) stay
methods; objects that Qt itself creates (a dialog's standard buttons) have no string ``connect``;
Python keeps the objects that it made alive, where PythonQt would let unparented ones die.
"""

from __future__ import annotations

import enum
import inspect
import os
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

from . import environment

environment.prepare()

from PySide6 import QtCore, QtGui, QtWidgets  # noqa: E402

from .records import records  # noqa: E402

QObject = QtCore.QObject
QT_MODULES = (QtCore, QtGui, QtWidgets)
# PySide6 looks at how many arguments a slot takes, and gives one with *args none at all.
ARITIES: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    lambda receive: lambda: receive(),
    lambda receive: lambda a: receive(a),
    lambda receive: lambda a, b: receive(a, b),
    lambda receive: lambda a, b, c: receive(a, b, c),
)
# Setting these on a class would pass for an override of the C++ virtual function.
VIRTUAL = {"sizeHint", "minimumSizeHint"}
STAYS_METHOD = {"geometry", "size", "pos", "rect", "frameGeometry", "childrenRect", "parent"}
_original_connect, _original_disconnect = QObject.connect, QObject.disconnect
_installed = False


def install() -> None:
    """Give every QObject class of PySide6 the manners of PythonQt."""
    global _installed
    if _installed:
        return
    _installed = True
    for cls in qobject_classes():
        _make_properties_attributes(cls)
        cls.__setattr__ = _set_attribute
    for cls in qobject_classes():
        if "__init__" in vars(cls):
            _connectable(cls)
    QObject.name = property(lambda self: self.property("objectName"), QObject.setObjectName)
    QObject.className = _class_name
    QObject.delete = QObject.deleteLater
    QtCore.QTimer.isActive = lambda self: self.property("active")


def qobject_classes() -> Iterator[type]:
    for module in QT_MODULES:
        for value in (getattr(module, name) for name in dir(module)):  # made when asked for
            if inspect.isclass(value) and issubclass(value, QObject):
                yield value


class PropertyAttribute:
    """A Qt property as attribute of instances; the class keeps what it had by that name."""

    def __init__(self, name: str, original: Any) -> None:
        self.name = name
        self.original = original

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.original if instance is None else instance.property(self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        value = str(value) if isinstance(value, os.PathLike) else value
        if instance.setProperty(self.name, value):
            return
        setter = getattr(instance, f"set{self.name[0].upper()}{self.name[1:]}", None)
        if isinstance(value, enum.Enum) and setter is not None:
            setter(value)  # setProperty refuses most of PySide6's enums
        else:
            raise TypeError(f"cannot set {_class_name(instance)}.{self.name} to {value!r}")


def _make_properties_attributes(cls: type) -> None:
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        name = _text(meta.property(index).name())
        if name in VIRTUAL | STAYS_METHOD or isinstance(vars(cls).get(name), QtCore.Signal):
            continue
        setattr(cls, name, PropertyAttribute(name, getattr(cls, name, None)))


def _connectable(cls: type) -> None:
    """PySide6 answers ``obj.connect`` from C before the class is asked, so it goes on instances."""
    original = cls.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if "connect" not in self.__dict__:
            self.__dict__["connect"] = types.MethodType(connect, self)
            self.__dict__["disconnect"] = types.MethodType(disconnect, self)

    cls.__init__ = __init__


def connect(self: QObject, *args: Any) -> Any:
    """``obj.connect("signal(types)", function)``, as PythonQt has it."""
    if not (len(args) == 2 and isinstance(args[0], str) and callable(args[1])):
        # PySide6's own SignalInstance.connect comes back through here.
        return _original_connect(*(args if isinstance(args[0], QObject) else (self, *args)))
    signature, function = normalized(args[0]), args[1]
    convert = _converter(self, signature)
    wanted = signature.count(",") + 1 if not signature.endswith("()") else 0
    taken = positional_count(function)
    count = wanted if taken is None else min(wanted, taken)
    guarded = records.guarded(function, f"slot of {_class_name(self)}.{signature}")

    def receive(*values: Any) -> None:
        guarded(*(map(convert, values[:count]) if convert else values[:count]))

    slot = ARITIES[wanted](receive)
    getattr(self, signature.split("(")[0]).connect(slot)
    self.__dict__.setdefault("_connections", []).append((signature, function, slot))
    return True


def disconnect(self: QObject, *args: Any) -> Any:
    """``obj.disconnect("signal(types)", function)``; without function, all of the signal."""
    if not (args and isinstance(args[0], str)):
        return _original_disconnect(*(args if isinstance(args[0], QObject) else (self, *args)))
    signature = normalized(args[0])
    _converter(self, signature)
    found = False
    for connection in list(self.__dict__.get("_connections", [])):
        if connection[0] == signature and args[1:] in ((), (connection[1],)):
            getattr(self, signature.split("(")[0]).disconnect(connection[2])
            self._connections.remove(connection)
            found = True
    return found


def normalized(signature: str) -> str:
    if not re.fullmatch(r"\s*\w+\s*\(.*\)\s*", signature):
        raise ValueError(f"not a signal signature: {signature!r}")
    return _text(QtCore.QMetaObject.normalizedSignature(signature))


def positional_count(function: Callable[..., Any]) -> int | None:
    """How many positional arguments a function takes; None: any number."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return None
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)


def _converter(obj: QObject, signature: str) -> Callable[[Any], Any] | None:
    """Check that a signal exists; return what its arguments are to be converted with."""
    name = signature.split("(")[0]
    declared: dict[str, Any] = {}
    for cls in reversed(type(obj).__mro__):
        declared.update(vars(cls).get("_signals", {}))
    if signature in declared:
        return declared[signature]
    alike = [s for s in declared if s.startswith(f"{name}(")]
    if not alike and isinstance(getattr(type(obj), name, None), QtCore.Signal):
        if obj.metaObject().indexOfSignal(signature) >= 0:
            return None
        alike = [s for s in _signals_of(obj) if s.startswith(f"{name}(")]
    raise AttributeError(f"{_class_name(obj)} has no signal {signature}; it has {alike or 'none'}")


def _signals_of(obj: QObject) -> list[str]:
    meta = obj.metaObject()
    methods = map(meta.method, range(meta.methodCount()))
    signal = QtCore.QMetaMethod.MethodType.Signal
    return [_text(m.methodSignature()) for m in methods if m.methodType() == signal]


def _set_attribute(self: QObject, name: str, value: Any) -> None:
    """Refuse what PythonQt refuses: attributes that a wrapped C++ object does not have.

    PySide6's own __setattr__ cannot be called from here, so this does all of its work.
    """
    cls = type(self)
    known = inspect.getattr_static(cls, name, None)
    if isinstance(known, QtCore.Property):
        known.fset(self, value)
    elif hasattr(type(known), "__set__"):
        known.__set__(self, value)
    elif name in map(_text, self.dynamicPropertyNames()):
        self.setProperty(name, value)
    elif (
        name.startswith("_")
        or name in self.__dict__
        or not is_wrapped_class(cls)
        or isinstance(value, QtCore.SignalInstance)
    ):
        self.__dict__[name] = value
    else:
        raise AttributeError(f"{_class_name(self)} has no property {name!r} that can be set")


def is_wrapped_class(cls: type) -> bool:
    """Whether a class stands for a C++ class of Slicer, and not for a Python subclass of one."""
    return cls.__module__.startswith("PySide6") or "_class_name" in vars(cls)


def _class_name(obj: QObject) -> str:
    return getattr(type(obj), "_class_name", None) or obj.metaObject().className()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).decode()
