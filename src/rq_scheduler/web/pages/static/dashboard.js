// Keeps a page as it is on the server, and the preview of a form as it is typed. Everything works without it.
//
// The parts that change carry an id and data-live. They are asked for again when the event stream says that something
// happened, and every few seconds while the page is seen; those that differ are swapped, and nothing else moves.
"use strict";
(() => {
  const EVERY = 5000, SOON = 400, LONGEST = 60000, TYPED = 250;
  const state = document.getElementById("live");
  const root = document.documentElement.dataset.root;
  const held = new URLSearchParams(location.search).has("hold");
  const parts = () => document.querySelectorAll("[data-live][id]");

  // --- one request at a time; an answer that a newer one has overtaken is dropped ---

  function asker() {
    let newest = 0, running = null;
    return async (url, options) => {
      const mine = ++newest;
      if (running) running.abort();
      running = new AbortController();
      const answer = await fetch(url, { ...options, signal: running.signal, credentials: "same-origin" });
      if (answer.redirected && new URL(answer.url).pathname === `${root}/login`) location.reload();
      const text = await answer.text();
      if (mine !== newest) return null;
      return { ok: answer.ok, status: answer.status, page: new DOMParser().parseFromString(text, "text/html") };
    };
  }

  // --- swapping: focus, selection, ticks and scroll stay ---

  const focusable = "a[href], button, input, select, textarea, [tabindex]";

  function selectedIn(part) {
    const chosen = getSelection();
    return chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
  }

  function placeOfFocus(part) {
    const at = document.activeElement;
    if (!at || at === document.body || !part.contains(at)) return null;
    return { id: at.id, index: [...part.querySelectorAll(focusable)].indexOf(at), label: at.getAttribute("aria-label") };
  }

  function focusAgain(part, place) {
    if (!place) return;
    const all = [...part.querySelectorAll(focusable)];
    const same = (place.id && document.getElementById(place.id))
      || (place.label && all.find((one) => one.getAttribute("aria-label") === place.label)) || all[place.index];
    if (same) same.focus({ preventScroll: true });
  }

  function swap(page) {
    const seen = [...parts()].find((part) => part.getBoundingClientRect().bottom > 0);
    const before = seen && { id: seen.id, top: seen.getBoundingClientRect().top };
    for (const part of parts()) {
      const fresh = page.getElementById(part.id);
      if (!fresh || part.isEqualNode(fresh) || selectedIn(part)) continue;
      const focus = placeOfFocus(part);
      const ticked = [...part.querySelectorAll("input:checked")].map((one) => one.value);
      const scrolls = [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
      const adopted = document.adoptNode(fresh);
      part.replaceWith(adopted);
      for (const box of adopted.querySelectorAll("input.pick")) box.checked = ticked.includes(box.value);
      adopted.querySelectorAll(".scroll").forEach((one, index) => { one.scrollLeft = scrolls[index] || 0; });
      focusAgain(adopted, focus);
    }
    document.title = page.title || document.title;
    const now = before && document.getElementById(before.id);
    if (now) scrollBy({ top: now.getBoundingClientRect().top - before.top, behavior: "instant" });
  }

  // --- when to ask ---

  const ask = asker();
  let timer = 0, failures = 0, stream = null;

  function say(words, wrong) {
    if (!state) return;
    if (state.textContent !== words) state.textContent = words;
    state.classList.toggle("failed", Boolean(wrong));
  }

  function later(delay) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, delay);
  }

  async function refresh() {
    try {
      const answer = await ask(location.href);
      if (!answer) return;
      if (answer.ok || answer.status === 422) {
        swap(answer.page);
        failures = 0;
        say("Live");
        later(EVERY);
        return;
      }
      fail(answer.status === 503 ? "Redis does not answer" : answer.status === 404 ? "This is not here any more" : "The page cannot be read");
    } catch (error) {
      if (error.name !== "AbortError") fail("No connection");
    }
  }

  function fail(what) {
    const wait = Math.min(LONGEST, 1000 * 2 ** failures++);
    say(`${what}; asking again in ${Math.round(wait / 1000)} s`, true);
    later(wait);
  }

  function listen() {
    if (stream || !window.EventSource) return;
    stream = new EventSource(`${root}/api/v1/events/stream`);
    stream.onmessage = () => { if (!failures) later(SOON); };
    stream.onerror = () => { if (stream && stream.readyState === EventSource.CLOSED) stream = null; };
  }

  function seen() {
    if (document.hidden) {
      clearTimeout(timer);
      if (stream) stream.close();
      stream = null;
    } else {
      listen();
      refresh();
    }
  }

  if (parts().length && !held && state) {
    for (const one of document.querySelectorAll(".needs-script")) one.hidden = false;
    say("Live");
    document.addEventListener("visibilitychange", seen);
    if (!document.hidden) {
      listen();
      later(EVERY);
    }
  }

  // --- the preview, as one types ---

  const form = document.querySelector("form[data-preview]");
  if (form) {
    const askPreview = asker();
    let typed = 0;
    form.addEventListener("input", () => {
      clearTimeout(typed);
      typed = setTimeout(async () => {
        const old = document.getElementById("preview");
        const body = new URLSearchParams(new FormData(form));
        body.set("do", "preview");
        old.setAttribute("aria-busy", "true");
        try {
          const answer = await askPreview(location.href, { method: "POST", body });
          const fresh = answer && answer.page.getElementById("preview");
          if (fresh) document.getElementById("preview").replaceWith(document.adoptNode(fresh));
        } catch (error) {
          if (error.name !== "AbortError") old.setAttribute("aria-busy", "false");
        }
      }, TYPED);
    });
  }
})();
