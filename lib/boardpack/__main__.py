"""``python -m boardpack``."""

from __future__ import annotations

from boardpack.cli import main

if __name__ == "__main__":
    main()
