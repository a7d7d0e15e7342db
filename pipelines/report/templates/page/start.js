// From the facts to the page: once at the start, and again whenever something is chosen.
const FACTS = ["sources", "langs", "mainLangs", "segments", "noise", "unassigned", "rejected", "themes", "groups",
  "priorities", "comparison", "coverage", "customers"];
const THEME = ["quotes", "weeks", "judged", "impacts", "stakes", "fixes", "signals", "shares", "words"];
// What lies behind "show more" is on paper too, up to so many.
const MAX_PRINTED = 200;
let facts;
let counts;

const readFacts = () => {
  const found = JSON.parse(byId("facts").textContent);
  for (const name of FACTS) found[name] ??= [];
  found.themes.forEach((theme, number) => {
    for (const name of THEME) theme[name] ??= [];
    Object.assign(theme, { number, cube: CUBE.themes + number });
    theme.folded = fold([theme.name, theme.about ?? [""], ...theme.words, ...theme.quotes].map(([text]) => text).join(" "));
  });
  return found;
};

const gather = () => {
  const slice = chosenSlice(facts);
  const total = Object.fromEntries(["feedback", "mentions", "assigned"].map((name) => [name, counts.count(CUBE[name], slice)]));
  const wanted = fold(state.text);
  const isWanted = (theme) => !wanted || matches(theme.folded, wanted);
  for (const theme of facts.themes) theme.counts = counts.count(theme.cube, slice);
  const themes = isSliced() ? facts.themes.filter((theme) => spoken(theme.counts)) : facts.themes;
  const largest = Math.max(1, ...themes.map((theme) => theme.counts.voices));
  return { facts, counts, slice, total, themes, visible: themes.filter(isWanted), isWanted, largest };
};

const drawSections = (context) => {
  const { themes } = facts;
  const isNarrowed = isDated() || state.source || state.lang;
  const ofChosen = state.segment ? isNarrowed && SEGMENT : true;
  const ofSegment = state.segment && storySection("segment", facts.segments[state.segment - 1]);
  const story = section("story", "story_heading", [ofSegment || storySection("store", "")], { isAll: ofSegment ? ofChosen : true });
  const decide = h("div", { class: "decide" },
    section("changed", "what_changed", [drawChanged(context)], { isAll: ofChosen }), section("first", "what_first", [drawPriorities(context)], { isAll: ofChosen }), story);
  return [
    themes.length ? decide : story,
    section("numbers", "in_numbers", [countsStrip(context), themes.length ? drawGlance(context) : null]),
    section("map", "map_heading", [drawMap(context)], { lead: say("map_lead") }),
    section("themes", "themes_heading", [themesSection(context), facts.nThemes > themes.length ? quiet(say("themes_left_out", { n: facts.nThemes, shown: number(themes.length) })) : null]),
    section("customers", "customers_heading", [customersSection(context)], { lead: customersLead() }),
    section("comparison", "comparison_heading", [drawComparison(context)], { isAll: true }),
    section("coverage", "coverage_heading", [facts.coverage.length ? drawCoverage(context) : quiet(say("no_coverage"))], { lead: say("coverage_lead"), isAll: true }),
    section("quality", "quality_heading", [qualitySection(context)], { lead: say("quality_lead") }),
    section("sources", "sources_heading", [sourcesTable(context)]),
    section("languages", "languages_heading", [languagesTable(context)]),
    section("aside", "aside_heading", [asideSection(context)], { lead: say("aside_lead") }),
    section("notes", "notes_heading", [notes(context)]),
  ].filter(Boolean);
};
const customersLead = () => (facts.nCustomersOpen > facts.customers.length
  ? `${say("customers_lead")} ${say("customers_shown", { n: facts.nCustomersOpen, shown: number(facts.customers.length) })}` : say("customers_lead"));

const NAVIGATION = { changed: "what_changed", story: "story_heading", map: "map_nav", themes: "themes_head", customers: "customers_nav", comparison: "comparison_nav", coverage: "coverage_nav", quality: "quality_nav", notes: "notes_heading" };
const drawNavigation = (sections) => {
  const ids = new Set(sections.flatMap((element) => [element, ...element.querySelectorAll("section")]).map(({ id }) => id));
  byId("nav").replaceChildren(...Object.entries(NAVIGATION).filter(([id]) => ids.has(id)).map(([id, key]) => h("a", {
    href: `#at=${id}`, on: { click: (event) => { event.preventDefault(); goTo(id); } },
  }, say(key))));
};
const goTo = (id) => {
  state.at = id;
  writeAddress(facts);
  reveal(id);
};
const reveal = (id) => {
  const element = byId(id);
  element?.scrollIntoView();
  element?.focus({ preventScroll: true });
};

const sayPeriod = () => (state.period === "custom"
  ? say("weeks_span", { from: day(weekDay(facts, state.from)), to: day(weekDay(facts, state.to)) })
  : say("last_weeks", { n: Number(state.period) }));

const refresh = () => {
  const context = gather();
  const sections = drawSections(context);
  byId("sections").replaceChildren(...sections);
  drawNavigation(sections);
  byId("provenance").replaceChildren(...provenance(context));
  const chosen = [isDated() ? sayPeriod() : null,
    facts.sources[state.source - 1] && isolate(facts.sources[state.source - 1]), state.lang ? languageName(facts.langs[state.lang - 1]) : null,
    facts.segments[state.segment - 1] && isolate(facts.segments[state.segment - 1]), state.text && `“${isolate(state.text)}”`];
  byId("filter-status").textContent = isFiltered()
    ? [say("themes_of", { n: context.visible.length, all: number(facts.themes.length) }), ...chosen.filter(Boolean), isSliced() && say("verdicts_of_all")].filter(Boolean).join(" · ") : "";
  byId("clear").hidden = !isFiltered() && state.sort === "size";
  syncFilters();
  writeAddress(facts);
};

// Show one theme: open it where it stands, whatever the filters hid.
const openTheme = (theme) => {
  openThemes.add(theme.id);
  state.theme = theme.id;
  if (!gather().visible.includes(theme)) clearFilters();
  refresh();
  const article = byId(`theme-${theme.number}`);
  article?.scrollIntoView();
  article?.querySelector("summary")?.focus({ preventScroll: true });
};

// What the address says, at the start and when it is changed by hand or by going back.
const follow = () => {
  readAddress(facts);
  setLanguage(state.ui);
  drawFrame();
  const theme = facts.themes.find(({ id }) => id === state.theme);
  if (theme) {
    openTheme(theme);
    return;
  }
  refresh();
  if (state.at) reveal(state.at);
};

const start = async () => {
  facts = readFacts();
  counts = new Counts(facts, await unpackCells(facts.cells));
  await readStories();
  follow();
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => { if (listed.n < MAX_PRINTED) { listed.n = MAX_PRINTED; refresh(); } });
  let wasNarrow = isNarrow();
  addEventListener("resize", () => { if (isNarrow() !== wasNarrow) { wasNarrow = isNarrow(); refresh(); } });
  document.documentElement.dataset.ready = "";
};
start();
