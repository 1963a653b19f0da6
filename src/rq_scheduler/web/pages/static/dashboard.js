// Keeps a page as it is on the server, and the preview of a form as it is typed. Everything works without it.
//
// The parts that change carry an id and data-live. They are asked for again when the event stream says that something
// happened, and every few seconds while the page is seen (less often where the server takes long); those that differ
// are swapped, and nothing else moves. A page on which only the clock would change is left as it is.
"use strict";
(() => {
  const EVERY = 5000, SOON = 400, LONGEST = 60000, TYPED = 250, AGAIN = 1500, SHARE = 50;
  const WHY = { 429: "You ask too often; it is asked for again", 503: "Redis does not answer; it is asked for again" };
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
      const headers = { "x-page-update": "1" };
      const answer = await fetch(url, { ...options, headers, signal: running.signal, credentials: "same-origin" });
      const text = await answer.text();
      if (mine !== newest) return null;
      const { pathname } = new URL(answer.url); // of a login: ours, or that of the site that this is a part of
      const away = answer.redirected && (pathname === `${root}/login` || !pathname.startsWith(`${root}/`));
      return { away, ok: answer.ok, status: answer.status, page: new DOMParser().parseFromString(text, "text/html") };
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
  let timer = 0, due = 0, asking = false, happened = false, failures = 0, stream = null;

  function say(words, wrong) {
    if (!state) return;
    if (state.textContent !== words) state.textContent = words;
    state.classList.toggle("failed", Boolean(wrong));
  }

  function later(delay) {
    clearTimeout(timer);
    due = performance.now() + delay;
    if (!document.hidden) timer = setTimeout(refresh, delay);
  }

  // Something happened. Events that come all the time put nothing off, and break no request off.
  function soon() {
    if (asking) happened = true;
    else if (!failures && due - performance.now() > SOON) later(SOON);
  }

  async function refresh() {
    const began = performance.now();
    [asking, happened] = [true, false];
    try {
      const answer = await ask(location.href);
      if (!answer) return;
      asking = false;
      if (answer.away) return location.reload();
      if (answer.ok || answer.status === 422) {
        swap(answer.page);
        failures = 0;
        say("Live");
        listen();
        later(happened ? SOON : Math.min(LONGEST, Math.max(EVERY, SHARE * (performance.now() - began))));
        return;
      }
      fail(answer.status === 503 ? "Redis does not answer" : answer.status === 404 ? "This is not here any more" : "The page cannot be read");
    } catch (error) {
      if (error.name === "AbortError") return;
      asking = false;
      fail("No connection");
    }
  }

  function fail(what) {
    const wait = Math.min(LONGEST, 1000 * 2 ** failures++);
    say(`${what}; asking again in ${Math.round(wait / 1000)} s`, true);
    later(wait);
  }

  function listen() {
    if (stream || !window.EventSource || !("stream" in document.documentElement.dataset)) return;
    stream = new EventSource(`${root}/api/v1/events/stream`);
    stream.onmessage = soon;
    stream.onerror = () => { if (stream && stream.readyState === EventSource.CLOSED) stream = null; }; // the next answer opens another
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

  if ([...parts()].some((part) => part.id !== "where") && !held && state) {
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
    const preview = async () => {
      const old = document.getElementById("preview");
      const body = new URLSearchParams(new FormData(form));
      body.set("do", "preview");
      old.setAttribute("aria-busy", "true");
      try {
        const answer = await askPreview(location.href, { method: "POST", body });
        if (!answer) return;
        const fresh = answer.page.getElementById("preview");
        if (answer.away) none("You are logged out: log in in another window, and go on here");
        else if (fresh) document.getElementById("preview").replaceWith(document.adoptNode(fresh));
        else none(WHY[answer.status] || "The server gave none");
        again();
      } catch (error) {
        if (error.name !== "AbortError") none("No connection");
      }
    };
    // What was there is of another text: it goes, and what is typed stays.
    const none = (why) => {
      const part = document.getElementById("preview");
      part.setAttribute("aria-busy", "false");
      delete part.dataset.again;
      part.querySelectorAll(":scope > :not(.sec-head)").forEach((one) => one.remove());
      const note = part.appendChild(document.createElement("p"));
      note.className = "note bad";
      note.textContent = `There is no preview. ${why}.`;
      later(EVERY);
    };
    const later = (delay) => {
      clearTimeout(typed);
      typed = setTimeout(preview, delay);
    };
    // What is still being counted for it.
    const again = () => { if ("again" in document.getElementById("preview").dataset) later(AGAIN); };
    form.addEventListener("input", () => later(TYPED));
    again();
  }
})();
