"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const search = one("search"), found = one("found"), help = one("help");
  const buttons = all("button[data-filter]");
  const failures = all("details.failure");
  const rows = [...all("tr.test"), ...failures];
  const text = new Map(rows.map((row) => [row, `${row.dataset.worker} ${row.textContent}`.toLowerCase()]));
  const bars = all(".track [data-test]");
  let outcome = "", zoom = 1, current = -1;

  function apply() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = new Set();
    for (const row of rows) {
      const fits = !outcome || outcome === (row.dataset.outcome === "error" ? "failed" : row.dataset.outcome);
      row.hidden = !(fits && words.every((word) => text.get(row).includes(word)));
      if (!row.hidden) shown.add(row.dataset.test);
    }
    for (const bar of bars) bar.classList.toggle("faded", !shown.has(bar.dataset.test));
    for (const section of all("section.failures, section.tests")) section.hidden = !section.querySelector(".failure:not([hidden]), tr.test:not([hidden])");
    const visible = rows.filter((row) => row.matches("tr") && !row.hidden).length;
    found.textContent = words.length || outcome ? `${visible} of ${rows.length - failures.length} tests shown` : "";
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.filter === outcome));
    current = -1;
  }

  function filter(wanted) {
    outcome = wanted;
    apply();
  }

  function step(by) {
    const shown = failures.filter((failure) => !failure.hidden);
    if (!shown.length) return;
    current = (current + by + shown.length + (current < 0 && by < 0 ? 1 : 0)) % shown.length;
    reveal(shown[current]);
  }

  function reveal(failure) {
    failure.open = true;
    failure.scrollIntoView({ block: "start" });
    failure.querySelector("summary").focus({ preventScroll: true });
  }

  function openAll() {
    const open = failures.some((failure) => !failure.hidden && !failure.open);
    for (const failure of failures) failure.open = open;
    one("open-all").textContent = open ? "close all" : "open all";
  }

  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400];
  function axes() {
    for (const chart of all(".chart")) {
      const axis = chart.querySelector(".axis");
      const seconds = Number(chart.dataset.seconds);
      const most = Math.max(2, axis.clientWidth / 75);
      const distance = steps.find((each) => seconds / each <= most) || steps[steps.length - 1];
      axis.replaceChildren();
      for (let at = 0; at <= seconds; at += distance) {
        const tick = document.createElement("span");
        tick.style.left = `${(at / seconds) * 100}%`;
        tick.textContent = at >= 60 ? `${Math.floor(at / 60)}:${String(Math.round(at % 60)).padStart(2, "0")} min` : `${Number(at.toFixed(3))} s`;
        axis.append(tick);
      }
    }
  }

  function stretch(factor) {
    zoom = factor ? Math.min(64, Math.max(1, zoom * factor)) : 1;
    document.documentElement.style.setProperty("--zoom", zoom);
    axes();
  }

  const keys = {
    "/": () => { search.focus(); search.select(); },
    a: () => filter(""), f: () => filter("failed"), p: () => filter("passed"), s: () => filter("skipped"),
    j: () => step(1), k: () => step(-1), o: openAll,
    "+": () => stretch(2), "=": () => stretch(2), "-": () => stretch(0.5), 0: () => stretch(0),
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target === search) {
      if (event.key === "Escape") { search.value = ""; search.blur(); apply(); }
      return;
    }
    if (event.key === "Escape") { search.value = ""; filter(""); return; }
    if (Object.hasOwn(keys, event.key)) { event.preventDefault(); keys[event.key](); }
  });
  search.addEventListener("input", apply);
  for (const button of buttons) button.addEventListener("click", () => filter(button.dataset.filter));
  one("open-all").addEventListener("click", openAll);
  one("zoom-in").addEventListener("click", () => stretch(2));
  one("zoom-out").addEventListener("click", () => stretch(0.5));
  one("keys").addEventListener("click", () => help.showModal());
  window.addEventListener("resize", axes);
  function follow() {
    const target = location.hash && one(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details.failure")) reveal(target);
  }
  window.addEventListener("hashchange", follow);
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => { for (const each of opened) each.open = false; });
  axes();
  follow();
})();
