"""What is left of a study that is stopped and started again?"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from radhard.studies import Plan, conduct
from radhard.studies.study import Study

__all__ = ["conduct_after_interrupt"]


def conduct_after_interrupt(
    study: Study,
    plan: Plan,
    folder: Path,
    *,
    calls: tuple[ModuleType, str],
    at: int,
    between: Callable[[], Any] = lambda: None,
) -> list[Path]:
    """The files of a study that is interrupted and conducted again with the same store.

    It is interrupted in call number ``at`` of a function, which is given by its module and its
    name. ``between`` is called before the study is started again.
    """
    module, name = calls
    whole = getattr(module, name)
    count = 0

    def stop(*given: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            raise KeyboardInterrupt
        return whole(*given, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, name, stop)
        with pytest.raises(KeyboardInterrupt):
            conduct(study, plan, folder)
    # Pages and figures are written when everything is measured.
    assert not folder.exists()
    between()
    return conduct(study, plan, folder)
