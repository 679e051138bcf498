"""JavaScript's global objects and functions.

Each is looked up once in the life of an isolate: a look-up crosses into JavaScript and makes a proxy, which costs more
than most of what is done with it. That is on first use, because a memory snapshot must not hold them.
"""

from typing import Any

import js as global_scope


class _Globals:
    def __getattr__(self, name: str) -> Any:
        found = getattr(global_scope, name)
        setattr(self, name, found)
        return found


js: Any = _Globals()
