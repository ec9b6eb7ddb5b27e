"""`anicaption taxonomy`: the vocabulary as lines, JSON Schema or Markdown, or what it changed since an older one."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def add_commands(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("taxonomy", help="print the fields and their values")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json-schema", action="store_true", help="JSON Schema of a record")
    what.add_argument("--markdown", action="store_true", help="the documentation page")
    what.add_argument(
        "--diff", metavar="OLD", help="a taxonomy file, or the version of a released one; fails if it broke"
    )
    parser.set_defaults(run=_run)


def _run(json_schema: bool, markdown: bool, diff: str | None) -> int:
    from anicaption import describe
    from anicaption.releases import differences, released
    from anicaption.taxonomy import TaxonomyError, read_taxonomy, taxonomy

    if json_schema:
        print(json.dumps(describe.record_schema(), ensure_ascii=False, indent=1))
    elif markdown:
        print(describe.markdown(), end="")
    elif diff:
        old = next((release for release in released() if release.version == diff), None)
        if old is None and not Path(diff).is_file():
            versions = ", ".join(release.version for release in released())
            print(
                f"anicaption taxonomy --diff {diff}: neither a file nor a released version ({versions})",
                file=sys.stderr,
            )
            return 2
        try:
            old = old or read_taxonomy(Path(diff).read_text("utf-8"))
        except (TaxonomyError, KeyError, TypeError) as error:
            print(f"taxonomy --diff {diff}: not a taxonomy file: {error!r}", file=sys.stderr)
            return 2
        print(describe.diff(old))
        return 1 if differences(old, taxonomy())["broken"] else 0
    else:
        print(f"taxonomy {taxonomy().version}, hash {taxonomy().hash}")
        for field in taxonomy():
            print(f"\n{field.id}  {field.ja}  ({field.cardinality}, {field.scope})\n  {field.definition}")
            for value in field.values:
                print(f"    {value.id:22} {value.ja}  {value.definition}")
    return 0
