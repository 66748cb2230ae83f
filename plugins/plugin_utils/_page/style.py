# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""How the page looks: in light, in dark, on paper, on a telephone."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light; --paper: #fcfcfb; --raised: #fff; --ink: #1c2430; --quiet: #56606e; --line: #dfe3e8;
  --soft: #f0f3f6; --link: #1a56b8; --class: #1a56b8; --zone: #8a5200; --out: #0b6bcb; --in: #b3460e;
  --come: #14652f; --go: #a32020; --mono: ui-monospace, "SF Mono", "Cascadia Mono", Consolas, monospace; }
@media screen and (prefers-color-scheme: dark) { :root { color-scheme: dark; --paper: #14171c; --raised: #1b1f26;
  --ink: #e4e8ee; --quiet: #9fa9b7; --line: #303742; --soft: #21262e; --link: #8db8ff; --class: #8db8ff;
  --zone: #e5b062; --out: #6cb2ff; --in: #ff9d66; --come: #7fd196; --go: #ff9b93; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 4.5rem; }
body { font: 15px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; color: var(--ink); background: var(--paper);
  margin: 0 auto; max-width: 80rem; padding: 0 1.5rem 6rem; }
header { padding: 2.5rem 0 1rem; }
h1 { font-size: 2rem; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .35rem; }
h2 { font-size: 1.25rem; letter-spacing: -.01em; margin: 0 0 .5rem; }
h3 { font-size: 1rem; margin: 0 0 .35rem; }
h4 { font-size: .8rem; color: var(--quiet); margin: .6rem 0 .2rem; }
h3 small { color: var(--quiet); font-weight: 400; }
p { margin: .35rem 0; }
header p, .note, small { color: var(--quiet); }
section { margin-top: 3.25rem; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 3px; }
a.zone { color: var(--zone); }
a.class { color: var(--class); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.class { color: var(--class); }
.zone { color: var(--zone); }
code { font: .87em/1.5 var(--mono); }

nav { position: sticky; top: 0; z-index: 5; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; align-items: center;
  background: var(--paper); border-bottom: 1px solid var(--line); padding: .6rem 0; }
nav a { color: var(--quiet); text-decoration: none; }
nav a:hover { color: var(--link); text-decoration: underline; }
.find { position: relative; margin-left: auto; flex: 0 1 21rem; }
.find input { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); width: 100%;
  border-radius: .5rem; padding: .3rem .7rem; }
.find input::placeholder { color: var(--quiet); opacity: 1; }
.find ul { position: absolute; right: 0; width: max(100%, 28rem); max-width: calc(100vw - 2rem); max-height: 65vh;
  overflow-y: auto; margin: .4rem 0 0; padding: .3rem; list-style: none; background: var(--raised);
  border: 1px solid var(--line); border-radius: .6rem; box-shadow: 0 12px 32px #0003; }
.find ul:empty { display: none; }
.find li { padding: .2rem .6rem; color: var(--quiet); }
.find li a { display: block; margin: -.2rem -.6rem; padding: .25rem .6rem; border-radius: .35rem; color: var(--ink); }
.find li a:hover, .find li a:focus { background: var(--soft); text-decoration: none; }
.find li a small { display: block; font: .8rem/1.4 var(--mono); overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }

.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0; font-size: .94em; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem 1.1rem .35rem 0; text-align: left; vertical-align: top; }
thead th { color: var(--quiet); font-size: .8rem; font-weight: 400; }
tbody th { font-weight: 600; }
td code + code, .ports code + code, .rules code + code { margin-left: .5em; }
.numbers td, .numbers th + th { text-align: right; font-variant-numeric: tabular-nums; }
.words-3 :is(th, td):is(:nth-child(2), :nth-child(3)) { text-align: left; }
.hosts th, .by-port th, .numbers td { white-space: nowrap; }
.pairs { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; }
.by-port a, .hosts a { text-decoration: none; }
.by-port a:hover { text-decoration: underline; }

.picture { display: block; width: 100%; max-width: min(100%, max(44rem, var(--w))); min-width: min(var(--w), 40rem);
  height: auto; margin: 1rem auto 0; }
.picture text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: var(--ink); }
.picture .head { font-size: 12px; fill: var(--quiet); }
.picture a { text-decoration: none; }
.picture circle { fill: currentColor; }
.picture .name:hover text, .picture .name:focus-visible text { fill: var(--link); text-decoration: underline; }
.line path { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-opacity: .45; }
.line.dashed path { stroke-dasharray: 5 4; }
.name:is(:hover, :focus-visible, .chosen) ~ .line path, .picture:has(.line:hover) .line path { stroke-opacity: .07; }
.picture .line:is(:hover, .chosen) path { stroke-opacity: 1; stroke-width: 3; }
.picture .line .hit { stroke-width: 9; stroke-opacity: 0; stroke-dasharray: none; pointer-events: stroke; }

.tall { max-height: 85vh; overflow: auto; border: 1px solid var(--line); border-radius: .5rem; }
.matrix { margin: 0; min-width: 100%; border-collapse: separate; border-spacing: 0; }
.matrix th, .matrix td { padding: .35rem .8rem; }
.matrix tbody tr:last-child > * { border-bottom: 0; }
.matrix thead > tr > * { position: sticky; top: 0; z-index: 1; background: var(--raised); vertical-align: bottom;
  font-size: .87rem; }
.matrix tbody th { position: sticky; left: 0; background: var(--raised); white-space: nowrap; font-weight: 400;
  font-size: .87rem; }
.matrix thead td:first-child { left: 0; z-index: 2; color: var(--quiet); white-space: nowrap; }
.matrix a { text-decoration: none; }
.matrix th a:hover { text-decoration: underline; }
.matrix td a { display: block; margin: -.35rem -.8rem; padding: .35rem .8rem; white-space: nowrap; }
.matrix td a :is(code, small) { display: block; margin: 0; }
.matrix td a:hover, .matrix td a:focus-visible { background: var(--link); color: var(--paper); border-radius: 0; }
.matrix td a:is(:hover, :focus-visible) small { color: inherit; }
.matrix tbody tr:hover > * { background: var(--soft); }
.clip { overflow: clip; width: max-content; min-width: 100%; isolation: isolate; }
.matrix tbody td { position: relative; }
.matrix tbody td:hover::after { content: ""; position: absolute; inset: -9999px 0; z-index: -1;
  background: var(--soft); }
.narrow thead th span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; }
.narrow th, .narrow td { padding: .2rem .35rem; }
.narrow tbody th { padding-left: .8rem; }
.narrow td { text-align: center; min-width: 1.9rem; border-left: 1px solid var(--line); }
.narrow td a { margin: -.2rem -.35rem; padding: .2rem .35rem; }

.card, .change { border-top: 1px solid var(--line); padding: 1rem 0 .6rem; }
.card h3 a { color: inherit; text-decoration: none; }
.card h3 a:hover { text-decoration: underline; }
.card .ports { overflow-wrap: anywhere; }
.close { display: none; float: right; }
.ways { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2.5rem; }
.rules, .plain { list-style: none; padding: 0; margin: .2rem 0; }
.rules li { padding: .12rem 0 .12rem 1.2rem; text-indent: -1.2rem; overflow-wrap: anywhere; }
.lines { font: .87em/1.55 var(--mono); }
ins, del { text-decoration: none; }
ins b { color: var(--come); }
del b { color: var(--go); }
.sum { font-size: 1.1rem; }
summary { cursor: pointer; color: var(--quiet); }
summary h3 { display: inline; color: var(--ink); }
details { margin: .6rem 0; }
.hosts :target { background: var(--link); color: var(--paper); border-radius: 3px; padding: 0 .3rem; }

@media screen {
  .finding .line:not(.found) path { stroke-opacity: .07; }
  .finding .matrix td a:not(.found) { opacity: .1; }
  .card { content-visibility: auto; contain-intrinsic-size: auto 9rem; }
  .card:target { position: fixed; inset: auto 0 0; z-index: 9; max-height: 58vh; overflow: auto; margin: 0;
    padding: 1.2rem max(1.5rem, calc(50vw - 38.5rem)) 1.6rem; background: var(--raised);
    border-top: 3px solid var(--link); box-shadow: 0 -14px 40px #0004; }
  .card:target .close { display: block; }
  :root:has(.card:target) body { padding-bottom: 62vh; }
}
@media (max-width: 40rem) {
  body { padding: 0 1rem 4rem; }
  header { padding-top: 1.5rem; }
  nav { gap: .2rem .9rem; font-size: .92rem; }
  .find { flex-basis: 100%; }
  .find ul { width: 100%; }
  section { margin-top: 2.25rem; }
  html { scroll-padding-top: 8rem; }
  .card td { min-width: 9rem; }
}
@media print {
  @page { margin: 14mm; }
  body { max-width: none; padding: 0; font-size: 9.5pt; }
  nav, .close { display: none; }
  header { padding: 0; }
  section { margin-top: 1.4rem; }
  h2, h3, h4, thead { break-after: avoid; }
  article, tr, li, .picture { break-inside: avoid; }
  .wide, .tall { overflow: visible; max-height: none; border: 0; }
  .picture { max-width: 17cm; min-width: 0; }
  .narrow { font-size: 6.5pt; }
  .ways { grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
  .card, .change { padding: .6rem 0 .2rem; }
  a { color: inherit; text-decoration: none; }
}
"""
