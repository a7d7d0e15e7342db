// What is chosen, and the address that says so: a link to the page shows what its sender saw.
const ALL = "all";
const SORTS = ["size", "signal", "negative", "positive", "new"];
const state = {
  ui: "en", look: "auto", period: ALL, from: 0, to: 0, source: 0, lang: 0, segment: 0, text: "",
  sort: "size", theme: undefined, at: undefined,
};

const weekDay = (facts, week) => {
  const date = asDate(facts.start);
  date.setUTCDate(date.getUTCDate() + 7 * (week - 1));
  return date.toISOString().slice(0, 10);
};
const weekOf = (facts, iso) => {
  const days = (asDate(iso) - asDate(facts.start)) / 864e5;
  return Number.isNaN(days) ? undefined : Math.floor(days / 7) + 1;
};

const isDated = () => state.period !== ALL;
const isSliced = () => Boolean(state.source || state.lang || state.segment || isDated());
const isFiltered = () => isSliced() || state.text !== "";

// The weeks that are chosen; all time begins with week 0, which is what has no date.
const chosenWeeks = (facts) => {
  if (!isDated() || !facts.weeks) return { from: 0, to: Infinity };
  if (state.period === "custom") return { from: state.from, to: state.to };
  return { from: facts.weeks.last - Number(state.period) + 1, to: facts.weeks.last };
};
const chosenSlice = (facts) => ({
  source: state.source, lang: state.lang, segment: state.segment,
  period: Math.max(0, facts.periods.indexOf(Number(state.period))), ...chosenWeeks(facts),
});

const readAddress = (facts) => {
  const asked = new URLSearchParams(location.hash.slice(1));
  const place = (names, name) => (name === null ? 0 : names.indexOf(name) + 1);
  const one = (name, allowed, fallback) => (allowed.includes(asked.get(name)) ? asked.get(name) : fallback);
  Object.assign(state, {
    ui: one("ui", Object.keys(WORDS), SETTINGS.lang), look: one("look", ["light", "dark"], "auto"),
    source: place(facts.sources, asked.get("source")), lang: place(facts.langs, asked.get("lang")),
    segment: place(facts.segments, asked.get("segment")), text: asked.get("q") ?? "",
    sort: one("sort", SORTS, "size"), theme: asked.get("theme") ?? undefined, at: asked.get("at") ?? undefined,
    period: one("period", facts.periods.filter(Boolean).map(String), ALL),
  });
  const [from, to] = ["from", "to"].map((name) => facts.start && asked.get(name) && weekOf(facts, asked.get(name)));
  if (from && to) chooseWeeks(from, to);
};

const writeAddress = (facts) => {
  const parts = new URLSearchParams();
  const put = (name, value, usual) => { if (value !== usual && value !== undefined) parts.set(name, value); };
  put("ui", state.ui, SETTINGS.lang);
  put("look", state.look, "auto");
  if (state.period === "custom") {
    parts.set("from", weekDay(facts, state.from));
    parts.set("to", weekDay(facts, state.to));
  } else put("period", state.period, ALL);
  put("source", facts.sources[state.source - 1]);
  put("lang", facts.langs[state.lang - 1]);
  put("segment", facts.segments[state.segment - 1]);
  put("q", state.text, "");
  put("sort", state.sort, "size");
  put("theme", state.theme);
  put("at", state.at);
  const address = parts.toString();
  if (`#${address}` !== location.hash && (address || location.hash)) history.replaceState(null, "", `#${address}`);
};

// Cells of a segment cover whole periods: a week of a segment could single somebody out.
const choosePeriod = (period) => { state.period = period; };
const chooseWeeks = (from, to) => {
  Object.assign(state, { period: "custom", from: Math.min(from, to), to: Math.max(from, to), segment: 0 });
};
const chooseSegment = (segment) => {
  state.segment = segment;
  if (segment && state.period === "custom") state.period = ALL;
};
const clearFilters = () => Object.assign(state, {
  period: ALL, source: 0, lang: 0, segment: 0, text: "", sort: "size",
});

// The same letters in other clothes: case, accents, niqqud and harakat, Arabic and Persian forms of
// yeh and kaf, tatweel, joiners and direction marks.
const fold = (text) =>
  text.normalize("NFKD").toLowerCase()
    .replace(/[\p{M}\u0640\u200b-\u200f\u202a-\u202e\u2060-\u2069]/gu, "")
    .replace(/[\u0649\u06cc]/g, "\u064a").replace(/\u06a9/g, "\u0643").replace(/\u0629/g, "\u0647")
    .replace(/\s+/g, " ").trim();
const matches = (folded, wanted) => wanted.split(" ").every((word) => folded.includes(word));
