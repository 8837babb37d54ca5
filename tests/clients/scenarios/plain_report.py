"""Reports of a scenario whose environment has nothing but its judge: one JSON line a check."""

import json
from typing import Any


def tell(**report: Any) -> None:
    """Prints one report."""
    print(json.dumps(report), flush=True)


def check(name: str, ok: bool, detail: object = "") -> None:
    """Prints one check."""
    tell(check=name, ok=bool(ok), detail=str(detail))
