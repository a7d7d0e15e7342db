"use strict";
// Filters act on every count of the page. Each element with data-cube shows one cell of a cube:
// the one of the chosen source and language. Without this script the page shows all of them.
(() => {
  const byId = (id) => document.getElementById(id);
  const filters = byId("filters");
  const [textBox, sourceBox, langBox, sortBox] =
    ["filter-text", "filter-source", "filter-lang", "sort"].map(byId);
  const status = byId("filter-status");
  const list = byId("theme-list");
  const cubes = new Map(
    Object.entries(JSON.parse(byId("cells").textContent).cubes).map(([name, cells]) => [
      name,
      new Map(cells.map(([source, lang, ...counts]) => [`${source}:${lang}`, counts])),
    ]),
  );

  // The same letters in other clothes: case, accents, niqqud and harakat, Arabic and Persian
  // forms of yeh and kaf, tatweel, joiners and direction marks.
  const fold = (text) =>
    text.normalize("NFKD").toLowerCase()
      .replace(/[\p{M}\u0640\u200b-\u200f\u202a-\u202e\u2060-\u2069]/gu, "")
      .replace(/[\u0649\u06cc]/g, "\u064a").replace(/\u06a9/g, "\u0643").replace(/\u0629/g, "\u0647")
      .replace(/\s+/g, " ").trim();

  const findable = (element) =>
    fold([...element.querySelectorAll("[data-find]")].map((part) => part.textContent).join(" "));

  const ownParts = (element, selector) =>
    [...element.querySelectorAll(selector)].filter((part) => part.closest("[data-cube]") === element);

  const places = [...document.querySelectorAll("[data-cube]")].map((element) => ({
    element,
    cells: cubes.get(element.dataset.cube) || new Map(),
    numbers: ownParts(element, "[data-n]").concat(element.dataset.n ? [element] : []),
    shares: ownParts(element, "[data-share]"),
    bars: ownParts(element, ".feeling"),
    amount: ownParts(element, ".amount .fill")[0],
    isTheme: element.classList.contains("theme"),
    text: element.classList.contains("theme") ? findable(element) : "",
  }));
  const themes = places.filter((place) => place.isTheme);
  const blocks = places.filter((place) => place.element.parentElement === list).map((place) => ({
    ...place, place, themes: themes.filter((theme) => place.element.contains(theme.element)),
    home: place.element.querySelector(".group-themes"),
  }));
  const groups = blocks.filter((block) => block.home);
  const isWide = matchMedia("(min-width: 46rem)");
  const sectionFolds = [...document.querySelectorAll(".section-fold")];
  if (!isWide.matches) {
    const later = ["fold", "more"].flatMap((kind) => [...document.querySelectorAll(`.${kind}`)].slice(1));
    for (const element of [...later, ...sectionFolds]) element.open = false;
  }
  const folds = [...document.querySelectorAll(".fold, .more")].map((element) => ({
    element, isOpen: element.open, isGroup: element.matches(".fold"),
  }));
  addEventListener("beforeprint", () => {
    for (const element of [...folds.map((fold) => fold.element), ...sectionFolds]) element.open = true;
  });
  byId("people")?.classList.add("briefly");
  document.querySelector(".unfold")?.addEventListener("click", () => {
    byId("people").classList.remove("briefly");
  });
  const quotes = [...document.querySelectorAll("[data-place]")];
  const people = [...document.querySelectorAll(".person")].map((element) => ({
    element, text: findable(element), places: element.dataset.places.trim().split(" "),
  }));
  const originals = new Map();

  const sum = (counts, terms) =>
    terms.split("+").reduce((total, term) => {
      const [first, ...less] = term.split("-").map((place) => Number(counts[Number(place)]) || 0);
      return less.reduce((rest, n) => rest - n, total + first);
    }, 0);

  const percent = (part, whole) => {
    if (!whole) return "–";
    const share = part / whole;
    if (share > 0 && share < 0.01) return "<1%";
    if (share > 0.99 && share < 1) return ">99%";
    return `${Math.floor(Math.round(share * 1e8) / 1e6 + 0.5)}%`;
  };

  const keep = (element) => {
    if (!originals.has(element)) originals.set(element, element.textContent);
    return originals.get(element);
  };

  const drawFeeling = (bar, counts, offset) => {
    const [negative, neutral, positive] = [0, 1, 2].map((i) => Number(counts[offset + i]) || 0);
    const unit = 100 / Math.max(negative + neutral + positive, 1);
    const left = 100 - (neutral * unit) / 2;
    const set = (name, x, n) => {
      const rect = bar.querySelector(`.${name}`);
      rect.setAttribute("x", x.toFixed(2));
      rect.setAttribute("width", (n * unit).toFixed(2));
    };
    set("negative", left - negative * unit, negative);
    set("neutral", left, neutral);
    set("positive", left + neutral * unit, positive);
  };

  const show = (place, chosen, text) => {
    const { element } = place;
    const { source, lang, needs } = element.dataset;
    const isOther = (own, wanted) => own !== undefined && wanted !== "" && own !== wanted;
    const at = (own, wanted) => own ?? (wanted === "" ? "-1" : wanted);
    const langAt = element.hasAttribute("data-any-lang") ? "-1" : at(lang, chosen.lang);
    place.counts = place.cells.get(`${at(source, chosen.source)}:${langAt}`) || [];
    const isEmpty = needs !== undefined && chosen.any && sum(place.counts, needs) === 0;
    element.hidden = isOther(source, chosen.source) || isOther(lang, chosen.lang) || isEmpty ||
      (place.isTheme && text !== "" && !text.split(" ").every((word) => place.text.includes(word)));
    for (const part of place.numbers) {
      const original = keep(part);
      const value = place.counts[Number(part.dataset.n)];
      if (!chosen.any) part.textContent = original;
      else if (typeof value === "string") part.textContent = value;
      else part.textContent = sum(place.counts, part.dataset.n).toLocaleString("en-US");
    }
    for (const part of place.shares) {
      const original = keep(part);
      const [some, all] = part.dataset.share.split("/");
      part.textContent = chosen.any ? percent(sum(place.counts, some), sum(place.counts, all)) : original;
    }
    for (const bar of place.bars) {
      drawFeeling(bar, place.counts, Number(bar.parentElement.dataset.offset) || 0);
    }
  };

  const size = (theme) => sum(theme.counts, "4");
  const balance = (theme, side) => sum(theme.counts, side) / Math.max(sum(theme.counts, "0+1+2"), 1);
  const orders = {
    size: (a, b) => size(b) - size(a),
    negative: (a, b) => balance(b, "0") - balance(a, "0") || size(b) - size(a),
    positive: (a, b) => balance(b, "2") - balance(a, "2") || size(b) - size(a),
    new: (a, b) => b.element.dataset.first.localeCompare(a.element.dataset.first),
  };
  const printed = new Map([...themes, ...groups.map(({ place }) => place)].map((place) => [
    place, places.indexOf(place)]));

  const inOrder = (themes) => {
    const order = orders[sortBox.value];
    return [...themes].sort((a, b) =>
      sortBox.value === "size" && !document.body.classList.contains("filtered")
        ? printed.get(a) - printed.get(b) : order(a, b) || printed.get(a) - printed.get(b));
  };

  const settle = (home, elements) => {
    if (elements.some((element, i) => home.children[i] !== element)) home.append(...elements);
  };

  // By size, themes stand in their groups; in any other order each stands for itself.
  const sortThemes = () => {
    const isFlat = sortBox.value !== "size";
    list.classList.toggle("flat", isFlat);
    for (const theme of themes.filter(({ element }) => element.dataset.group !== undefined)) {
      theme.element.querySelector(".name").setAttribute("aria-level", isFlat ? "3" : "4");
    }
    if (isFlat) {
      settle(list, inOrder(themes).map((theme) => theme.element));
      return;
    }
    for (const { home, themes: own } of groups) {
      settle(home, inOrder(own).map((theme) => theme.element));
    }
    settle(list, inOrder(blocks.map(({ place }) => place)).map((place) => place.element));
  };

  const countThemes = () => {
    for (const { element, themes: own } of groups) {
      const part = element.querySelector(".n-themes");
      const original = keep(part);
      const n = own.filter((theme) => !theme.element.hidden).length;
      element.hidden ||= n === 0;
      part.textContent = document.body.classList.contains("filtered")
        ? `${n.toLocaleString("en-US")} of ${part.dataset.all} themes` : original;
    }
  };

  // Words may stand in what is folded; on a telephone a language alone opens the groups only.
  const unfold = (text, isFiltered) => {
    for (const { element, isOpen, isGroup } of folds) {
      element.open = isOpen || text !== "" || (isFiltered && (isGroup || isWide.matches));
    }
  };

  const openTarget = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.matches("details")) at.open = true;
    const more = target.querySelector(":scope > details");
    if (more) more.open = true;
    target.scrollIntoView();
  };

  const matches = (pair, chosen) => {
    const [source, lang] = pair.split(":");
    return (chosen.source === "" || chosen.source === source) &&
      (chosen.lang === "" || chosen.lang === lang);
  };

  const update = () => {
    const text = fold(textBox.value);
    const chosen = { source: sourceBox.value, lang: langBox.value };
    chosen.any = chosen.source !== "" || chosen.lang !== "";
    const isFiltered = chosen.any || text !== "";
    document.body.classList.toggle("filtered", isFiltered);
    for (const place of places) show(place, chosen, text);
    for (const quote of quotes) quote.hidden = !matches(quote.dataset.place, chosen);
    unfold(text, isFiltered);
    for (const person of people) {
      person.element.hidden = !person.places.some((pair) => matches(pair, chosen)) ||
        (text !== "" && !text.split(" ").every((word) => person.text.includes(word)));
    }
    const visible = themes.filter((theme) => !theme.element.hidden);
    const largest = Math.max(1, ...visible.map(size));
    for (const theme of visible) {
      theme.amount.setAttribute("width", ((100 * size(theme)) / largest).toFixed(2));
    }
    countThemes();
    sortThemes();
    const langs = places.filter(({ element }) =>
      element.matches("#languages tr") && !element.hidden && !element.hasAttribute("data-unknown") &&
      (chosen.lang !== "" || !element.hasAttribute("data-minor")));
    const counts = { themes: visible.length, langs: langs.length };
    for (const part of document.querySelectorAll("[data-count]")) {
      const original = keep(part);
      part.textContent = isFiltered ? counts[part.dataset.count].toLocaleString("en-US") : original;
    }
    if (byId("nothing")) byId("nothing").hidden = visible.length > 0;
    if (byId("no-person")) byId("no-person").hidden = people.some(({ element }) => !element.hidden);
    const chosenNames = [sourceBox, langBox].filter((box) => box.value !== "")
      .map((box) => box.selectedOptions[0].textContent);
    const wanted = textBox.value.trim() === "" ? [] : [`“\u2068${textBox.value.trim()}\u2069”`];
    status.textContent = isFiltered
      ? [`${counts.themes.toLocaleString("en-US")} of ${themes.length.toLocaleString("en-US")} themes`,
        ...chosenNames, ...wanted].join(" · ") : "";
  };

  const reset = () => {
    textBox.value = "";
    sourceBox.value = langBox.value = "";
    sortBox.value = "size";
    update();
  };

  let waiting = 0;
  textBox.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, 80);
  });
  for (const box of [sourceBox, langBox, sortBox]) box.addEventListener("change", update);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", (event) => { event.preventDefault(); reset(); textBox.focus(); });
  byId("clear")?.addEventListener("click", () => { reset(); textBox.focus(); });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      textBox.focus();
    }
    if (event.key === "Escape" && event.target === textBox) reset();
  });
  addEventListener("hashchange", openTarget);
  openTarget();
  filters.hidden = false;
  if (sourceBox.value || langBox.value || textBox.value || sortBox.value !== "size") update();
})();
