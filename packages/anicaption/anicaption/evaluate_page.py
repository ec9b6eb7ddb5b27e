"""An evaluation as `evaluation.json` and as one handsome page: a row per field, its plots and its confusions."""

from __future__ import annotations

import json
import math
from html import escape
from pathlib import Path
from typing import Any

from anicaption.page import page, share_bar, unit_plot
from anicaption.taxonomy import taxonomy

_CSS = """
details{margin:8px 0}summary{cursor:pointer;font-weight:600}summary .soft{margin-left:8px}
.plots{display:flex;flex-wrap:wrap;gap:22px;align-items:flex-start;margin-top:10px}
.plots table{width:auto;min-width:300px}
figure{margin:0}figcaption{font-size:12px;color:var(--soft);margin-bottom:2px}
"""


def write_page(report: dict[str, Any], folder: Path) -> Path:
    """Write both files into `folder`; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path = folder / "evaluation.html"
    path.write_text(html(report), encoding="utf-8")
    return path


def html(report: dict[str, Any]) -> str:
    fields = report["fields"]
    rows = "".join(_row(name, one) for name, one in fields.items())
    head = (
        "<h1>Records against truth</h1>"
        f'<p class="soft">{report["n_shots"]} shots, {len(fields)} fields whose truth is known, taxonomy '
        f"{escape(report['taxonomy']['version'])}. An abstention is a miss for F1; accuracy is of the answered.</p>"
    )
    columns = ("asked", "abstained", "coverage", "accuracy", "macro F1", "mAP", "weighted κ", "ECE", "span F1 ±0 ±1 ±2")
    header = "".join(f"<th>{name}</th>" for name in ("field", *columns))
    details = "".join(_details(name, one) for name, one in fields.items())
    body = f'{head}<div class="card"><table><tr>{header}</tr>{rows}</table></div><h2>Field by field</h2>{details}'
    return page("Records against truth", body, _CSS)


def _row(name: str, one: dict[str, Any]) -> str:
    spans = " ".join(_number(x) for x in one["span_f1"].values()) if "span_f1" in one else "–"
    cells = [
        f'<a href="#{name}" style="color:inherit">{name}</a> <span class="soft">{escape(taxonomy()[name].ja)}</span>',
        str(one["asked"]), str(one["abstained"]), share_bar(one["coverage"]), share_bar(one["accuracy"]),
        share_bar(one["macro_f1"]), _number(one["mean_average_precision"]), _number(one["weighted_kappa"]),
        _number(one["ece"]), spans,
    ]  # fmt: skip
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _details(name: str, one: dict[str, Any]) -> str:
    bins, curve = one["calibration"], one["coverage_accuracy"]
    most = max((n for n, _, _ in bins), default=1)
    reliability = unit_plot(
        [(sure, right) for _, sure, right in bins], "confidence", "share right",
        diagonal=True, line=False, sizes=[2.5 + 7 * math.sqrt(n / most) for n, _, _ in bins],
    )  # fmt: skip
    coverage = unit_plot([(x, y) for x, y in curve], "coverage", "accuracy")
    values = "".join(
        f'<tr><td>{escape(value)} <span class="soft">{_ja(name, value)}</span></td><td class="num">{c["right"]}</td>'
        f'<td class="num">{c["wrong"]}</td><td class="num">{c["missed"]}</td><td>{share_bar(c["f1"])}</td></tr>'
        for value, c in one["values"].items()
    )
    confusions = "".join(
        f'<tr><td>{escape(" + ".join(true))}</td><td>{escape(" + ".join(said))}</td><td class="num">{n}</td></tr>'
        for true, said, n in one["confusions"][:12]
    )
    table = f"<table><tr><th>true</th><th>read as</th><th class=num>times</th></tr>{confusions}</table>"
    return (
        f'<details class="card" id="{name}" {"open" if one["confusions"] else ""}><summary>{name}'
        f'<span class="soft">{escape(taxonomy()[name].definition)}</span></summary><div class="plots">'
        "<table><tr><th>value</th><th class=num>right</th><th class=num>wrong</th><th class=num>missed</th>"
        f"<th>F1</th></tr>{values}</table>"
        f"<figure><figcaption>is it as sure as it is right?</figcaption>{reliability}</figure>"
        f"<figure><figcaption>answering only when sure</figcaption>{coverage}</figure>"
        f"{table if confusions else '<p class=soft>no confusion</p>'}</div></details>"
    )


def _ja(name: str, value: str) -> str:
    return escape(taxonomy()[name].value(value).ja) if value in taxonomy()[name].value_ids else ""


def _number(x: float | None) -> str:
    return "–" if x is None else f"{x:.2f}"
