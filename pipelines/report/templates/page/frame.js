// What stays while sections are drawn anew: the head, the filters, the choice of language and look.
const option = (value, words, dir) => h("option", { value, dir }, words);
const labelled = (id, key, control, more) => h("div", { class: `field ${more ?? ""}` }, h("label", { for: id }, say(key)), control);
const choose = (act) => (event) => { act(event.target.value); listed.n = PAGE_SIZE; refresh(); };
const UI_NAMES = { en: "English", he: "עברית", ar: "العربية", fa: "فارسی" };

const drawFrame = () => {
  document.title = `${say("title")} · earful`;
  document.documentElement.dataset.look = state.look;
  byId("skip").textContent = say("skip");
  byId("title").textContent = say("title");
  byId("nav").setAttribute("aria-label", say("on_this_page"));
  byId("footer").textContent = say("footer");
  byId("settings").replaceChildren(
    labelled("ui", "ui_language", h("select", { id: "ui", on: { change: (event) => switchLanguage(event.target.value) } },
      Object.entries(UI_NAMES).map(([code, name]) => h("option", { value: code, lang: code, selected: code === state.ui }, name)))),
    labelled("look", "look", h("select", { id: "look", on: { change: (event) => { state.look = event.target.value; document.documentElement.dataset.look = state.look; writeAddress(facts); } } },
      ["auto", "light", "dark"].map((look) => h("option", { value: look, selected: look === state.look }, say(`look_${look}`))))));
  byId("filters").replaceChildren(...drawFilters());
  byId("filters").setAttribute("aria-label", say("filter_page"));
  byId("filters").hidden = !facts.sources.length;
};

const switchLanguage = (lang) => {
  state.ui = lang;
  setLanguage(lang);
  drawFrame();
  refresh();
  byId("ui").focus();
};

const drawFilters = () => {
  const named = (id, key, all, names, act, show) => (names.filter(Boolean).length ? labelled(id, key, h("select", { id, on: { change: choose((value) => act(Number(value))) } },
    option("0", say(all)), names.map((name, place) => (name ? option(String(place + 1), show ? show(name) : cut(name, 60), show ? undefined : "auto") : null)))) : null);
  let waiting = 0;
  const search = h("input", {
    id: "filter-text", type: "search", dir: "auto", autocomplete: "off", spellcheck: "false", placeholder: say("search_hint"), value: state.text,
    on: {
      input: () => { clearTimeout(waiting); waiting = setTimeout(() => { state.text = search.value.trim(); listed.n = PAGE_SIZE; refresh(); }, 120); },
      keydown: (event) => { if (event.key === "Escape") { search.value = ""; state.text = ""; refresh(); } },
    },
  });
  return [
    labelled("filter-text", "find", search, "field-text"),
    facts.weeks ? drawPeriods() : null,
    named("filter-source", "source_head", "all_sources", facts.sources, (place) => { state.source = place; }),
    named("filter-lang", "lang_head", "all_languages", facts.langs, (place) => { state.lang = place; }, languageName),
    named("filter-segment", "segment_head", "all_segments", facts.segments, chooseSegment),
    labelled("sort", "order", h("select", { id: "sort", on: { change: choose((value) => { state.sort = value; }) } }, SORTS.map((sort) => option(sort, say(`sort_${sort}`))))),
    h("button", { type: "button", id: "clear", hidden: true, on: { click: () => { clearFilters(); refresh(); byId("filter-text").focus(); } } }, say("clear")),
    h("p", { id: "filter-status", role: "status", "aria-live": "polite" }),
  ].flat().filter(Boolean);
};

const drawPeriods = () => {
  const bound = (id, key) => labelled(id, key, h("input", { id, type: "date", min: facts.start, max: weekDay(facts, facts.weeks.end), on: { change: chooseSpan } }), "field-date");
  return [
    labelled("filter-period", "period", h("select", { id: "filter-period", on: { change: choose((value) => (value === "custom" ? chooseWeeks(Math.max(1, facts.weeks.last - 12), facts.weeks.last) : choosePeriod(value))) } },
      option(ALL, say("all_time")), facts.periods.filter(Boolean).map((weeks) => option(String(weeks), say("last_weeks", { n: weeks }))), option("custom", say("weeks_from_to")))),
    h("div", { class: "span", id: "span" }, bound("filter-from", "week_from"), bound("filter-to", "week_to")),
  ];
};
const chooseSpan = () => {
  const [from, to] = ["filter-from", "filter-to"].map((id) => (byId(id).value ? weekOf(facts, byId(id).value) : undefined));
  if (from === undefined || to === undefined) return;
  const stays = (week) => Math.max(1, Math.min(facts.weeks.end, week));
  chooseWeeks(stays(from), stays(to));
  refresh();
};

const syncFilters = () => {
  const put = (id, value) => { if (byId(id) && byId(id) !== document.activeElement) byId(id).value = value; };
  put("filter-text", state.text);
  for (const [id, value] of [["filter-period", state.period], ["filter-source", state.source], ["filter-lang", state.lang], ["filter-segment", state.segment], ["sort", state.sort]]) {
    if (byId(id)) byId(id).value = String(value);
  }
  if (!byId("span")) return;
  byId("span").hidden = state.period !== "custom";
  if (state.period === "custom") {
    put("filter-from", weekDay(facts, state.from));
    put("filter-to", weekDay(facts, state.to));
  }
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, select, textarea");
  if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && byId("filter-text")) {
    event.preventDefault();
    byId("filter-text").focus();
  }
});
byId("filters").addEventListener("submit", (event) => event.preventDefault());
