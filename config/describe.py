"""The environment in writing: `python -m config.describe > .env.example`, and the table of the README."""

from __future__ import annotations

import sys

from config.settings import VariableDoc, describe

HEADER = """\
# Copy to .env and fill in; every variable may stay unset unless a process asks for it.
# Any NAME may be given as NAME_FILE instead: the path of a file that holds the value (for secrets).
# Lines behind a # are examples. An empty value counts as unset. The environment wins over this file.
"""


def env_example() -> str:
    """The whole `.env.example`: defaults as they are, everything else as an example behind a #."""
    return HEADER + "".join(map(_entry, describe()))


def markdown_table() -> str:
    """The README's environment table."""
    rows = [
        f"| `{item.name}` | {f'`{item.default}`' if item.default else ''} | {item.meaning} |" for item in describe()
    ]
    return "\n".join(["| name | default | meaning |", "|---|---|---|", *rows, ""])


def _entry(item: VariableDoc) -> str:
    assignment = f"{item.name}={item.default}" if item.default else f"# {item.name}={item.example}"
    return f"\n# {item.meaning}\n{assignment}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown_table() if "--table" in sys.argv[1:] else env_example())
