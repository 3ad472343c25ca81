"""The one stylesheet of the plane's pages, in the page itself: light and dark, from 320 px, printable."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

STYLE: Final = (
    ":root{color-scheme:light dark;--ink:#1b1b2f;--quiet:#55586c;--paper:#fff;--band:#f3f4f9;--line:#d5d8e3;"
    "--accent:#2743d2;--on-accent:#fff;--warning:#a3260f;--warned:#fdeeea;--done:#17663a}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e9eaf2;--quiet:#a9adc1;--paper:#14151f;--band:#1e2030;"
    "--line:#3a3d52;--accent:#9fb0ff;--on-accent:#14151f;--warning:#ffb4a3;--warned:#3a1d17;--done:#7fd6a2}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "header,main{max-width:64rem;margin:0 auto;padding:0 1rem}"
    "main>p,main>ul,main>form{max-width:40rem}"
    ".band{background:var(--band);border-bottom:1px solid var(--line)}"
    "header nav{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;padding:.75rem 0}"
    "header a{color:var(--ink);text-decoration:none}header a:hover{text-decoration:underline}"
    "header a[aria-current]{font-weight:600;box-shadow:0 2px 0 var(--accent)}"
    "main{padding-top:2rem;padding-bottom:4rem}"
    "h1{font-size:1.75rem;line-height:1.2;margin:0 0 1rem}h2{font-size:1.2rem;margin:2rem 0 .5rem}"
    "a{color:var(--accent)}"
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}"
    ".skip{position:absolute;left:-100vw}.skip:focus{left:1rem;top:.5rem;background:var(--paper);padding:.25rem .5rem}"
    "code{font-family:ui-monospace,monospace;overflow-wrap:anywhere}"
    "main>code{display:block;font-size:2rem;letter-spacing:.1em;margin:1rem 0}"
    ".quiet{color:var(--quiet)}"
    ".warning{color:var(--warning);background:var(--warned);border-left:4px solid;padding:.5rem 1rem}"
    "label{display:block;font-weight:600}"
    "input{font:1.5rem/1.5 ui-monospace,monospace;letter-spacing:.1em;text-transform:uppercase;width:100%;"
    "max-width:16rem;padding:.25rem .5rem;color:inherit;background:var(--paper);border:1px solid var(--quiet);"
    "border-radius:.3rem}"
    "input[aria-invalid]{border:2px solid var(--warning)}"
    "button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.5rem;margin:0 .75rem .75rem 0;"
    "border:1px solid var(--accent);border-radius:.3rem;background:var(--accent);color:var(--on-accent);cursor:pointer}"
    "button.second{background:transparent;color:var(--warning);border-color:var(--warning)}"
    "ul.index{display:flex;flex-wrap:wrap;gap:.25rem 1rem;margin:.5rem 0;padding:0;list-style:none}"
    "table{width:100%;border-collapse:collapse}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line)}"
    "th{font-weight:600;color:var(--quiet)}"
    ".method{width:5rem}.access{width:14rem}.answer{width:12rem}"
    "td.answer.built{color:var(--done)}td.answer{color:var(--quiet)}"
    "@media(max-width:40rem){table,tbody,tr,td{display:block;width:auto}thead{position:absolute;clip-path:inset(50%)}"
    "tr{padding:.5rem 0;border-bottom:1px solid var(--line)}td{border:0;padding:0}td.method{display:inline;"
    "font-weight:600}td.path{display:inline}}"
    "@media print{nav,.skip{display:none}}"
)
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
"""For the Content-Security-Policy, which allows this style and no other."""
