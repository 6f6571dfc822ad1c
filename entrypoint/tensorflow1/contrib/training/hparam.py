"""Hyperparameters with types, set from text such as `learning_rate=0.1,layers=[64,32]`."""

from __future__ import annotations

import json
import numbers
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["HParams", "parse_values"]

# One clause of the text: `name=1`, `name[2]=1` or `name=[1,2]`, up to the comma after it.
_CLAUSE = re.compile(
    r"(?P<name>[a-zA-Z][\w.]*)"
    r"(?:\[\s*(?P<index>\d+)\s*\])?"
    r"\s*=\s*"
    r"(?:(?P<one>[^,\[]*)|\[(?P<many>[^\]]*)\])"
    r"(?:$|,\s*)"
)
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_NO_PROTO = (
    "the HParamDef protocol buffer is not supplied; keep hyperparameters as JSON, with"
    " HParams.to_json and HParams.parse_json"
)


def parse_values(
    values: str, type_map: Mapping[str, type], ignore_unknown: bool = False
) -> dict[str, Any]:
    """Parse comma separated `name=value` clauses.

    Args:
        values: the text; a value is one token, or tokens between square brackets.
        type_map: the type of every name, for a list that of its elements.
        ignore_unknown: skip names that have no type instead of failing.

    Returns:
        For each name a value, a list, or, for `name[1]=2`, a dict of index to value.

    Raises:
        ValueError: the text is malformed, a value is not of its type, or a name is set twice.
    """
    results: dict[str, Any] = {}
    position = 0
    while position < len(values):
        clause = _CLAUSE.match(values, position)
        if clause is None:
            raise ValueError(f"Malformed hyperparameter value: {values[position:]}")
        position = clause.end()
        name = clause["name"]
        if name not in type_map:
            if ignore_unknown:
                continue
            raise ValueError(f"Unknown hyperparameter type for {name}")
        _read_clause(clause, type_map[name], values, results)
    return results


def _read_clause(
    clause: re.Match[str], param_type: type, values: str, results: dict[str, Any]
) -> None:
    name, index = clause["name"], clause["index"]
    if clause["many"] is None:
        value: Any = _read_token(name, param_type, clause["one"], values)
    elif index is not None:
        raise ValueError("Assignment of a list to a list index.")
    else:
        tokens = filter(None, re.split("[ ,]", clause["many"]))
        value = [_read_token(name, param_type, token, values) for token in tokens]
    if index is None:
        if name in results:
            raise ValueError(f"Multiple assignments to variable '{name}' in {values}")
        results[name] = value
        return
    elements = results.setdefault(name, {})
    if not isinstance(elements, dict) or int(index) in elements:
        raise ValueError(f"Multiple assignments to variable '{name}[{index}]' in {values}")
    elements[int(index)] = value


def _read_token(name: str, param_type: type, token: str, values: str) -> Any:
    try:
        if param_type is not bool:
            return param_type(token)
        return _BOOLEANS[token] if token in _BOOLEANS else bool(int(token))
    except ValueError as error:
        raise ValueError(
            f"Could not parse hparam '{name}' of type '{param_type.__name__}' with value"
            f" '{token}' in {values}"
        ) from error


class HParams:
    """Named hyperparameters, each an attribute, with the type of its first value.

    A type is int, float, bool, str, or a list of these; None takes any value.

    Args:
        hparam_def: not supplied, must be None.
        model_structure: anything; `get_model_structure` returns it.
        **kwargs: the hyperparameters.

    Raises:
        ValueError: `hparam_def` is given, a name is that of a method, or a list is empty.
    """

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        # Each name's type, for a list that of its elements, and whether it is a list.
        self._hparam_types: dict[str, tuple[type, bool]] = {}
        self._model_structure = model_structure
        if hparam_def:
            raise ValueError(_NO_PROTO)
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    # Hyperparameters are attributes that no type checker can know of.
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def add_hparam(self, name: str, value: Any) -> None:
        """Add a hyperparameter.

        Raises:
            ValueError: the name is taken, or the value is an empty list.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        if isinstance(value, (list, tuple)):
            if not value:
                raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
            self._hparam_types[name] = (type(value[0]), True)
        else:
            self._hparam_types[name] = (type(value), False)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Set an existing hyperparameter, cast to its type where that loses nothing.

        Raises:
            KeyError: there is no such hyperparameter.
            ValueError: the value is not of its type.
        """
        param_type, is_list = self._hparam_types[name]
        if isinstance(value, list):
            if not is_list:
                raise ValueError(f"Must not pass a list for single-valued parameter: {name}")
            setattr(self, name, [_cast(name, param_type, element) for element in value])
        elif is_list:
            raise ValueError(f"Must pass a list for multi-valued parameter: {name}.")
        else:
            setattr(self, name, _cast(name, param_type, value))

    def del_hparam(self, name: str) -> None:
        """Remove a hyperparameter, if it is there."""
        if hasattr(self, name):
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> HParams:
        """Set hyperparameters from `name=value` clauses; see `parse_values`. Returns self.

        Raises:
            ValueError: the text is malformed, or names what does not exist.
        """
        types = {name: param_type for name, (param_type, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, types))

    def override_from_dict(self, values_dict: Mapping[str, Any]) -> HParams:
        """Set hyperparameters from a dict. Returns self."""
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    def set_from_map(self, values_map: Mapping[str, Any]) -> HParams:
        """Set hyperparameters from a dict: the older name of `override_from_dict`."""
        return self.override_from_dict(values_map)

    def parse_json(self, values_json: str) -> HParams:
        """Set hyperparameters from a JSON object. Returns self."""
        return self.override_from_dict(json.loads(values_json))

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """Return the hyperparameters as a JSON object; the arguments are those of `json.dumps`."""
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def values(self) -> dict[str, Any]:
        """Return the hyperparameters as a dict."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """Return a hyperparameter, or `default` where there is none of this name.

        Raises:
            ValueError: there is one, and `default` is not of its type.
        """
        if key not in self._hparam_types:
            return default
        if default is not None:
            param_type, is_list = self._hparam_types[key]
            if is_list != isinstance(default, list):
                shape = f"list<{param_type}>" if is_list else str(param_type)
                raise ValueError(
                    f"Hparam '{key}' of type '{shape}' is incompatible with default={default}"
                )
            for element in default if is_list else [default]:
                _cast(key, param_type, element)
        return getattr(self, key)

    def set_model_structure(self, model_structure: Any) -> None:
        """Replace the model structure given at construction."""
        self._model_structure = model_structure

    def get_model_structure(self) -> Any:
        """Return the model structure given at construction."""
        return self._model_structure

    def to_proto(self, export_scope: str | None = None) -> Any:
        """Not supplied.

        Raises:
            ValueError: always; use `to_json`.
        """
        raise ValueError(_NO_PROTO)

    @classmethod
    def from_proto(
        cls,
        hparam_def: Any,  # noqa: ARG003 (TensorFlow 1's arguments)
        import_scope: str | None = None,  # noqa: ARG003
    ) -> Any:
        """Not supplied.

        Raises:
            ValueError: always; use `parse_json`.
        """
        raise ValueError(_NO_PROTO)

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.values().items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.values().items())})"


def _cast(name: str, param_type: type, value: Any) -> Any:
    """Return the value as the type of its hyperparameter; numbers only widen."""
    # type(), because True is an instance of int.
    if type(value) is param_type or param_type is type(None):
        return value
    refused = (
        (issubclass(param_type, (str, bytes)) and not isinstance(value, (str, bytes)))
        or issubclass(param_type, bool) != isinstance(value, bool)
        or (issubclass(param_type, numbers.Integral) and not isinstance(value, numbers.Integral))
        or (issubclass(param_type, numbers.Number) and not isinstance(value, numbers.Number))
    )
    if refused:
        raise ValueError(
            f"Could not cast hparam '{name}' of type '{param_type}' from value {value!r}"
        )
    return param_type(value)
