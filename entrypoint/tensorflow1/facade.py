"""A module as user code sees it: a real one, with some names more or different."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


class Facade(ModuleType):
    """Stands before a real module in user code alone; everybody else sees the real one.

    What is found once is kept, so that a name costs what a module's attribute costs from its
    second use on. What user code sets, it sets in the real module too, as it would anyhow.
    """

    def __init__(
        self, name: str, real: ModuleType, own: Mapping[str, Callable[[], Any]] | None = None
    ) -> None:
        """Make a facade.

        Args:
            name: the name by which user code knows the module.
            real: the module behind it.
            own: the names that are different here, each with what makes its value on first use.
        """
        super().__init__(name, real.__doc__)
        vars(self)["_real"] = real
        vars(self)["_own"] = dict(own or {})

    def __getattr__(self, name: str) -> Any:
        value = vars(self)[name] = self._find(name)
        return value

    def _find(self, name: str) -> Any:
        """Find a name that is used for the first time; a subclass may look further."""
        own = self._own.get(name)
        if own is not None:
            return own()
        if name == "__all__":
            return getattr(self._real, name, [n for n in dir(self) if not n.startswith("_")])
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        setattr(self._real, name, value)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._real), *self._own})
