# Copyright (c) gatehouse.firewall contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note: this file is private to the collection.
"""The page's only script: a box that finds ports, names, flows and addresses. Without it, everything else is as it is.

It looks into what the page already says, and has no text of a model in it: it is the same for every page and can be
named by its hash.
"""

from __future__ import annotations

SCRIPT = r"""
"use strict";
const box = document.querySelector(".find"), input = box.querySelector("input"), list = box.querySelector("ul");
const SHOWN = 40;
let things;

// Returns how far a thing is from a word, and Infinity where it hasn't got it. A number is a port: the fewer others
// stand with it in a range, or in all, the nearer. Anything else is a part of any text.
function distance(thing, word) {
  if (!/^\d{1,5}$/.test(word)) return thing.words.includes(word) ? 0 : Infinity;
  const around = thing.ports.filter(([first, last]) => first <= word && word <= last);
  return Math.min(...around.map(([first, last]) => last - first));
}

function read(element) {
  const words = element.textContent.toLowerCase();
  const written = [...words.matchAll(/\b(\d+)(?:-(\d+))?\/(?:tcp|udp|sctp)/g)];
  const ports = written.map(([, first, last]) => [+first, +(last || first)]);
  if ([...element.querySelectorAll("code")].some((code) => /^all\b/.test(code.textContent))) ports.push([1, 65535]);
  const title = element.getAttribute("aria-label") ?? element.querySelector("th").textContent;
  const detail = element.querySelector(".ports, td")?.textContent ?? "";
  const kind = element.matches(".pair") ? 0 : element.matches(".name") ? 1 : 2;
  return { words, ports, title, detail, kind, place: element.id || element.querySelector("[id]").id };
}

function entry({ place, title, detail }) {
  const item = document.createElement("li"), link = document.createElement("a"), more = document.createElement("small");
  link.href = "#" + place;
  link.append(title, more);
  more.append(detail);
  item.append(link);
  return item;
}

function note(words) {
  const item = document.createElement("li");
  item.append(words);
  return item;
}

// Pairs first, then classes and zones, then hosts; the nearest of each first.
function nearest(words) {
  things ??= [...document.querySelectorAll(".card, .hosts tbody tr")].map(read);
  const far = new Map(things.map((thing) => [thing, words.reduce((sum, word) => sum + distance(thing, word), 0)]));
  const found = things.filter((thing) => far.get(thing) < Infinity);
  return found.sort((one, other) => one.kind - other.kind || far.get(one) - far.get(other));
}

function find() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? nearest(words) : [];
  const places = new Set(found.map((thing) => "#" + thing.place));
  document.body.classList.toggle("finding", words.length > 0);
  for (const link of document.querySelectorAll(".line, .matrix td a")) {
    link.classList.toggle("found", places.has(link.getAttribute("href")));
  }
  list.replaceChildren(...found.slice(0, SHOWN).map(entry));
  if (found.length > SHOWN) list.append(note(`and ${found.length - SHOWN} more`));
  if (words.length && !found.length) list.append(note("No flow, name or address here has this."));
}

// What the page has in front is marked in the picture; a host may stand in a folded list.
function arrive() {
  const place = decodeURIComponent(location.hash.slice(1)), target = place && document.getElementById(place);
  for (const link of document.querySelectorAll(".picture a")) {
    link.classList.toggle("chosen", link.getAttribute("href") === "#" + place);
  }
  const folded = target && target.closest("details:not([open])");
  if (folded) {
    folded.open = true;
    target.scrollIntoView({ block: "center" });
  }
}

box.hidden = false;
input.addEventListener("input", find);
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter") list.querySelector("a")?.click();
});
list.addEventListener("click", (event) => {
  if (event.target.closest("a")) list.replaceChildren();
});
addEventListener("hashchange", arrive);
addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== input) {
    event.preventDefault();
    input.select();
  } else if (event.key === "Escape" && (input.value || list.firstChild)) {
    input.value = "";
    find();
  } else if (event.key === "Escape" && location.hash) {
    location.hash = "closed";
  }
});
arrive();
"""
