"""Find the user's module by reading the files alone, without importing anything."""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from entrypoint.blame import describe, find_place
from entrypoint.errors import UserCodeInvalidError
from entrypoint.parameters import sagemaker_program, sagemaker_submit_directory
from entrypoint.settings import Settings
from entrypoint.storage.uris import SCHEME, parse_uri
from entrypoint.user_interface import FUNCTIONS, MODEL, missing


@dataclass(frozen=True, kw_only=True)
class UserSource:
    """The user's module, found but not yet imported.

    Attributes:
        module: its dotted name.
        code_dir: the directory it is imported from.
    """

    module: str
    code_dir: Path

    @property
    def requirements_file(self) -> Path:
        """What the user's code needs besides this image; may not exist."""
        return self.code_dir / "requirements.txt"


def with_submitted_code(settings: Settings) -> Settings:
    """Have the code come from where SageMaker's SDK has put it, if it comes from nowhere else.

    Raises:
        ParametersError: hyperparameters.json is there and cannot be used.
        UsageError: it names a place in S3 that cannot be one.
    """
    if settings.locations.code or (settings.code_dir.is_dir() and any(settings.code_dir.iterdir())):
        return settings
    submitted = sagemaker_submit_directory(settings)
    if submitted is None or not submitted.startswith(SCHEME):
        return settings
    code = parse_uri(submitted, name="sagemaker_submit_directory")
    return replace(settings, locations=replace(settings.locations, code=code))


def find_user_code(settings: Settings) -> UserSource:
    """Find the module that defines the four functions, by reading the files alone.

    MODELMAKER_MODULE names it, else SageMaker's `sagemaker_program`, else it is the one module
    under the code directory that defines `model_fn`.

    Raises:
        UserCodeInvalidError: there is no such module or more than one, it has a syntax error, or
            it plainly lacks one of the functions.
    """
    code_dir = settings.code_dir
    if not code_dir.is_dir():
        raise UserCodeInvalidError(
            f"no code: {code_dir} is not a directory",
            hint=f"mount your code at {code_dir}, or set MODELMAKER_CODE_URI",
        )
    named = settings.module or sagemaker_program(settings)
    module = _module_name(named, code_dir) if named else _discover(code_dir)
    file = _module_file(module, code_dir)
    if file is None:
        found = ", ".join(sorted(f.name for f in code_dir.glob("*.py"))) or "no Python file"
        raise UserCodeInvalidError(
            f"no module {module!r} in {code_dir}, which holds {found}",
            hint="correct MODELMAKER_MODULE, or leave it out if one module defines model_fn",
        )
    names = _bound_names(file, code_dir)
    if names is not None:
        require_functions(names, module)
    return UserSource(module=module, code_dir=code_dir)


def _module_name(named: str, code_dir: Path) -> str:
    """Accept a module as a dotted name or as a file, "trainer/model.py", "./model.py"."""
    if "/" not in named and not named.endswith(".py"):
        return named
    file = Path(os.path.normpath(code_dir / named))
    if not file.is_relative_to(code_dir):
        return named
    return ".".join(file.relative_to(code_dir).parts).removesuffix(".py")


def _module_file(module: str, code_dir: Path) -> Path | None:
    """Return the file of a module under the code directory, None if there is none."""
    parts = module.split(".")
    if not all(parts) or "/" in module:
        return None
    base = code_dir.joinpath(*parts)
    files = (base.with_name(f"{base.name}.py"), base / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _discover(code_dir: Path) -> str:
    """Return the one module that defines `model_fn`, top-level modules first."""
    broken: list[UserCodeInvalidError] = []
    for pattern in ("*.py", "*/**/*.py"):
        files = sorted(f for f in code_dir.glob(pattern) if _is_importable(f, code_dir))
        defining: dict[str, set[str]] = {}
        for file in files:
            try:
                names = _bound_names(file, code_dir)
            except UserCodeInvalidError as error:
                broken.append(error)
                continue
            if names and not names.isdisjoint(MODEL):
                defining[_dotted_name(file, code_dir)] = names
        # A module may import model_fn from beside it and add the input functions.
        complete = [name for name, names in defining.items() if not missing(names)]
        candidates = complete or list(defining)
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            raise UserCodeInvalidError(
                f"several modules define model_fn: {', '.join(candidates)}",
                hint=f"choose one, such as MODELMAKER_MODULE={candidates[0]}",
            )
    if broken:
        raise broken[0]
    found = ", ".join(sorted(f.name for f in code_dir.glob("*.py")))
    raise UserCodeInvalidError(
        f"no module in {code_dir} defines model_fn",
        hint=f"it holds {found}: call your model function model_fn, or set MODELMAKER_MODULE to the"
        " module that makes it while it runs"
        if found
        else f"it holds no Python file: mount your code at {code_dir}, or correct"
        " MODELMAKER_CODE_URI",
    )


def _is_importable(file: Path, code_dir: Path) -> bool:
    """Leave out what tools put beside code: notebook checkpoints, virtual environments."""
    directories = file.relative_to(code_dir).parts[:-1]
    return not file.name.startswith(".") and all(map(str.isidentifier, directories))


def _dotted_name(file: Path, code_dir: Path) -> str:
    parts = file.relative_to(code_dir).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _bound_names(file: Path, code_dir: Path) -> set[str] | None:
    """Return the names that a module binds at its top level; None if only running it can tell.

    Raises:
        UserCodeInvalidError: the file is not Python that this interpreter reads.
    """
    try:
        tree = ast.parse(file.read_bytes(), filename=str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _broken(error, file, code_dir) from error
    except OSError as error:
        raise UserCodeInvalidError(
            f"cannot read {file}: {error.strerror}", hint="make the code readable for the job"
        ) from error
    names: set[str] = set()
    for node in _top_level(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("globals", "exec"):
            return None
    return None if "*" in names else names


def _top_level(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a module without entering its functions and classes, however deep it nests."""
    nodes = [node]
    while nodes:
        for child in ast.iter_child_nodes(nodes.pop()):
            yield child
            if not isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
                nodes.append(child)


def _broken(error: Exception, file: Path, code_dir: Path) -> UserCodeInvalidError:
    place = find_place(error, code_dir) or file
    hint = f"correct {file.name}"
    if isinstance(error, SyntaxError) and "print" in (error.text or ""):
        hint += "; print is a function since Python 3, and 2to3 converts what Python 2 wrote"
    return UserCodeInvalidError(f"{describe(error)} at {place}", hint=hint)


def require_functions(names: set[str], module: str) -> None:
    """Check that a module binds all four functions.

    Args:
        names: the names that it binds.
        module: what it is called.

    Raises:
        UserCodeInvalidError: names each missing one, and what may have been meant to be it.
    """
    lacking = missing(names)
    if not lacking:
        return
    similar = {
        name: difflib.get_close_matches(name, names - set(FUNCTIONS), n=1, cutoff=0.75)
        for name in lacking
    }
    listed = ", ".join(
        f"{name} (did you mean to call {similar[name][0]} that?)" if similar[name] else name
        for name in lacking
    )
    raise UserCodeInvalidError(
        f"module {module!r} does not define {listed}",
        hint=f"the module must define {', '.join(FUNCTIONS)}",
    )
