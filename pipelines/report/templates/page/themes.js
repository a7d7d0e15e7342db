// The themes: a list of heads, each with all that is known of it when it is opened.
const PAGE_SIZE = 20;
const openThemes = new Set();
const openGroups = new Set();
const listed = { n: PAGE_SIZE };

const themeLink = (theme, words) => h("a", {
  href: `#theme=${encodeURIComponent(theme.id)}`,
  on: { click: (event) => { event.preventDefault(); openTheme(theme); } },
}, words ?? said(theme.name));

const badge = (name, words, meaning) => h("span", { class: `badge badge-${name}`, title: meaning || undefined }, words);
const SIGNS = { one_off: "·", emerging: "✦", growing: "↑", steady: "→", fading: "↓" };
const moodOf = (theme) => theme.judged.find(({ segment }) => segment === ALL)?.sentiment_verdict;
const verdictBadge = (code) => {
  const sign = SIGNS[code[0]];
  return badge(sign ? code[0] : "other", [sign ? h("span", { "aria-hidden": "true" }, `${sign} `) : null, sayCode("verdict", code)], explainCode("verdict", code));
};
const badges = (theme, { verdict = theme.verdict, mood = moodOf(theme) } = {}) => {
  const found = [];
  if (verdict) {
    found.push(verdictBadge(verdict));
  } else if (theme.silent) {
    found.push(badge("silent", say("no_verdict", { why: findWords(`silent_${theme.silent}`) ?? theme.silent }), say(`silent_${theme.silent}_means`)));
  }
  if (theme.isNew) found.push(badge("new", say("new_since", { day: day(theme.first) })));
  if (mood === "worse" || mood === "better") found.push(badge(`mood-${mood}`, say(`mood_${mood}`)));
  return h("p", { class: "badges" }, found);
};

const quotesOf = (theme, facts) => {
  const { from, to } = chosenWeeks(facts);
  return theme.quotes.filter(([, lang, , source, , week]) =>
    (!state.source || source === state.source - 1) && (!state.lang || lang === facts.langs[state.lang - 1]) &&
    (!isDated() || (week >= from && week <= to)));
};
const drawQuote = ([text, lang, isFromRight, source, at], facts) => h("figure", { class: "quote" },
  h("blockquote", { lang, dir: isFromRight ? "rtl" : "auto" }, text),
  h("figcaption", {}, source >= 0 ? plain(facts.sources[source]) : null, h("span", {}, at ? day(at) : say("no_date")),
    h("span", {}, languageName(lang))));

const themeHead = (theme, context, level) => {
  const { counts, facts } = context;
  const weekly = counts.weekly(theme.cube, context.slice);
  const { from, to } = chartWeeks(facts);
  const values = facts.weeks && !state.segment ? Array.from({ length: to - from + 1 }, (_, i) => weekly.get(from + i) ?? 0) : [];
  const first = theme.full ? null : quotesOf(theme, facts)[0];
  return h("div", { class: "theme-head" },
    h("div", { class: "theme-words" },
      h(level, { class: "name", id: `name-${theme.number}` }, said(theme.name)), badges(theme),
      theme.about ? h("p", { class: "description" }, said(theme.about)) : null,
      first ? drawQuote(first, facts) : null),
    h("div", { class: "theme-figures" }, sizeOf(theme.counts), amountBar(theme.counts.voices, context.largest),
      feelings(theme.counts),
      values.length > 1 ? h("div", { class: "spark-box" }, sparkline(values), h("span", { class: "quiet" }, say("voices_a_week"))) : null));
};
const sizeOf = (counts) => h("p", { class: "size" },
  h("span", {}, pieces("mentions_bold", { n: spoken(counts), shown: h("b", {}, number(spoken(counts))) })),
  h("span", {}, pieces("voices_bold", { n: counts.voices, shown: h("b", {}, number(counts.voices)) })));

const themeArticle = (theme, context, level = "h3") => {
  const isOpen = openThemes.has(theme.id);
  const more = theme.full ? folded(say("theme_more"), () => themeDetails(theme, context, level === "h3" ? "h4" : "h5"), { isOpen, class: "more" }) : null;
  more?.addEventListener("toggle", () => openThemes[more.open ? "add" : "delete"](theme.id));
  return h("article", { class: state.theme === theme.id ? "theme target" : "theme", id: `theme-${theme.number}`, "aria-labelledby": `name-${theme.number}` },
    themeHead(theme, context, level), more);
};

// The weeks that a chart shows: those that are chosen, or the last ones of all.
const chartWeeks = (facts) => {
  if (!facts.weeks) return { from: 1, to: 0 };
  const { from, to } = chosenWeeks(facts);
  if (isDated()) return { from: Math.max(from, 1), to: Math.min(to, facts.weeks.end) };
  return { from: facts.weeks.drawn, to: facts.weeks.last };
};

const themeTrend = (theme, { facts, counts, slice }) => {
  if (!facts.weeks || state.segment) return state.segment ? quiet(say("no_trend_of_segment")) : null;
  const weekly = counts.weekly(theme.cube, slice);
  const isAll = !state.source && !state.lang;
  const usual = new Map(isAll ? theme.weeks.map(([week, ...of]) => [week, of]) : []);
  const { from, to } = chartWeeks(facts);
  const weeks = Array.from({ length: to - from + 1 }, (_, place) => {
    const week = from + place;
    const [expected, low, high] = usual.get(week) ?? [];
    return { week, day: weekDay(facts, week), n: weekly.get(week) ?? 0, expected: expected ?? undefined, low: low ?? undefined, high: high ?? undefined };
  });
  if (!weeks.length) return null;
  return trendChart(weeks, { name: `weeks-${theme.id}`, caption: say("trend_caption", { theme: theme.name[0] }) });
};

const chosenSegmentName = (facts) => (state.segment ? facts.segments[state.segment - 1] : ALL);
const verdictWords = (theme, { facts }) => {
  const row = theme.judged.find(({ segment }) => segment === chosenSegmentName(facts));
  const lines = [];
  if (row?.verdict && row.expected !== undefined) {
    lines.push(say("verdict_counts", {
      day: day(row.period_start), n: row.n_customers ?? 0, expected: sayExpected(row),
    }));
    if (row.ratio !== undefined) lines.push(say("verdict_ratio", { ratio: ratio(row.ratio), low: ratio(row.ratio_low ?? row.ratio), high: ratio(row.ratio_high ?? row.ratio) }));
    if (row.q_value !== undefined && row.verdict !== "steady") lines.push(say("verdict_error", { q: sayQ(row.q_value) }));
  }
  if (row?.sentiment_verdict && row.sentiment_expected !== undefined) {
    lines.push(say("mood_counts", {
      verdict: capitalize(say(`mood_${row.sentiment_verdict}`)), sentiment: score(row.sentiment), expected: score(row.sentiment_expected),
      low: score(row.sentiment_low), high: score(row.sentiment_high), q: sayQ(row.sentiment_q),
    }));
  }
  if (!lines.length) {
    lines.push(theme.verdict && !state.segment ? `${sayCode("verdict", theme.verdict)}: ${explainCode("verdict", theme.verdict)}`
      : say(state.segment ? "no_verdict_of_segment" : `silent_${theme.silent ?? "not_judged"}_means`));
  }
  return lines.map((line) => h("p", {}, line));
};
const sayChance = (q) => isolate(chance(q));
const sayQ = (q) => isolate(q === undefined ? "q –" : `q\u00a0${q < 0.001 ? chance(q).replace("<", "<\u00a0") : `=\u00a0${chance(q)}`}`);
const sayExpected = ({ expected, expected_low: low, expected_high: high }) => (low === undefined || high === undefined
  ? say("expected_only", { n: amount(expected) }) : say("expected_span", { n: amount(expected), low: amount(low), high: amount(high) }));

const part = (level, key, ...children) => {
  const found = children.flat(Infinity).filter(Boolean);
  return found.length ? h("section", { class: "part" }, h(level, {}, say(key)), found) : null;
};

const themeDetails = (theme, context, level) => {
  const { facts } = context;
  const quotes = quotesOf(theme, facts);
  return h("div", { class: "theme-parts" },
    part(level, "story_heading", ofAll(), tellStory("theme", theme.id)?.words),
    part(level, "what_they_say",
      quotes.length ? h("div", { class: "quotes" }, quotes.map((quote) => drawQuote(quote, facts))) : quiet(say(theme.quotes.length ? "no_quote_here" : "no_quote")),
      quotes.length && state.segment ? quiet(say("quotes_of_all")) : null,
      theme.words.length ? h("ul", { class: "keywords", "aria-label": say("keywords") }, theme.words.map((word) => h("li", {}, said(word)))) : null),
    part(level, "over_time", themeTrend(theme, context), h("div", { class: "verdict-words" }, state.segment ? null : ofAll(), verdictWords(theme, context))),
    part(level, "what_it_goes_with", ofAll(), drawImpacts(theme)),
    theme.fixes.length ? part(level, "since_fixed", ofAll(), drawFixes(theme)) : null,
    theme.signals.length ? part(level, "why_it_matters", ofAll(), drawSignals(theme)) : null,
    part(level, "who_says_it", h("div", { class: "columns" },
      breakdown(theme, context, "segment"), breakdown(theme, context, "source"), breakdown(theme, context, "lang")),
      theme.shares.map((row) => h("p", { class: "caution" }, say("weighted_share", {
        share: share(row.share, 1), weighted: share(row.weighted_share, 1), low: share(row.weighted_share_low, 1), high: share(row.weighted_share_high, 1),
      })))));
};

const breakdown = (theme, { facts, counts, slice }, axis) => {
  const names = facts[`${axis}s`];
  if (!names.length || (axis === "segment" && state.period === "custom")) return null;
  const rows = names.map((name, place) => ({ name, found: counts.count(theme.cube, { ...slice, [axis]: place + 1 }) }))
    .filter(({ name, found }, place) => name && spoken(found) && (!slice[axis] || slice[axis] === place + 1))
    .sort((a, b) => b.found.voices - a.found.voices);
  if (!rows.length) return null;
  return table({
    name: `${axis}s-${theme.id}`, caption: say(`by_${axis}`),
    columns: [{ label: say(`${axis}_head`) }, ...["voices_head", "negative_head", "positive_head"].map((key) => ({ label: say(key), isFigure: true }))],
    rows: rows.map(({ name, found }) => [
      axis === "lang" ? languageName(name) : { show: plain(name), value: name },
      { show: number(found.voices), value: found.voices },
      ...[0, 2].map((at) => ({ show: share(found.n[at], rated(found)), value: rated(found) ? found.n[at] / rated(found) : undefined })),
    ]),
  });
};

// Groups stand where their largest theme does; in any other order each theme stands for itself.
const listBlocks = ({ facts, visible, counts, slice }) => {
  const orders = {
    size: (a, b) => b.counts.voices - a.counts.voices,
    signal: (a, b) => (b.score ?? -1) - (a.score ?? -1),
    negative: (a, b) => balance(a.counts) - balance(b.counts),
    positive: (a, b) => balance(b.counts) - balance(a.counts),
    new: (a, b) => (b.first ?? "").localeCompare(a.first ?? ""),
  };
  const sorted = [...visible].sort((a, b) => orders[state.sort](a, b) || orders.size(a, b) || a.number - b.number);
  if (state.sort !== "size") return sorted.map((theme) => ({ themes: [theme] }));
  const blocks = new Map();
  for (const theme of sorted) {
    const key = theme.group === undefined ? theme.id : theme.group;
    if (!blocks.has(key)) blocks.set(key, { group: theme.group === undefined ? undefined : facts.groups[theme.group], number: theme.group, themes: [] });
    blocks.get(key).themes.push(theme);
  }
  const voices = (block) => (block.group ? counts.count(counts.firstGroup + block.number, slice) : block.themes[0].counts).voices;
  return [...blocks.values()].map((block) => ({ ...block, voices: voices(block) })).sort((a, b) => b.voices - a.voices);
};

const groupSection = ({ group, number: place, themes }, context) => {
  const found = context.counts.count(context.counts.firstGroup + place, context.slice);
  const rising = CHANGED.filter((verdict) => themes.some((theme) => theme.verdict?.[0] === verdict)).map((verdict) => verdictBadge(asCode(verdict)));
  const isOpen = openGroups.has(place) || themes.some(({ id }) => openThemes.has(id)) || Boolean(state.text);
  const fold = folded([h("b", {}, say("themes_in_group", { n: themes.length })), " ",
    h("span", { class: "names" }, themes.flatMap((theme, at) => [at ? " · " : "", said([cut(theme.name[0], 48), ...theme.name.slice(1)])]))],
  () => h("div", { class: "group-themes" }, themes.map((theme) => themeArticle(theme, context, "h4"))), { isOpen, class: "fold" });
  fold.addEventListener("toggle", () => openGroups[fold.open ? "add" : "delete"](place));
  return h("section", { class: "group", "aria-labelledby": `group-${place}` },
    h("div", { class: "theme-head" },
      h("div", { class: "theme-words" },
        h("h3", { class: "group-name", id: `group-${place}` }, group.more ? pieces("group_and_more", { name: said(group.name), n: group.more }) : said(group.name)),
        rising.length ? h("p", { class: "badges" }, rising) : null),
      h("div", { class: "theme-figures" }, sizeOf(found), feelings(found))), fold);
};

const themesSection = (context) => {
  const { facts, visible } = context;
  if (!facts.themes.length) return quiet(say(context.total.mentions.n.some(Boolean) ? "no_themes_yet" : "nothing_read_yet"));
  if (!visible.length) return h("p", { class: "nothing" }, say("no_theme_matches"), " ", state.segment ? say("segment_few") : "", " ", h("button", { type: "button", on: { click: () => { clearFilters(); refresh(); } } }, say("clear")));
  const blocks = listBlocks(context);
  const list = h("div", { id: "theme-list" });
  const more = h("button", { type: "button", class: "show-more", on: { click: () => { listed.n += PAGE_SIZE; extend(); } } });
  const extend = () => {
    const from = list.children.length;
    list.append(...blocks.slice(from, listed.n).map((block) => (block.group ? groupSection(block, context) : themeArticle(block.themes[0], context))));
    const left = blocks.length - list.children.length;
    more.hidden = left <= 0;
    more.textContent = say("show_more", { n: Math.min(left, PAGE_SIZE), left: number(left) });
    if (from) list.children[from]?.querySelector("summary")?.focus({ preventScroll: true });
  };
  const wanted = state.theme && blocks.findIndex(({ themes }) => themes.some(({ id }) => id === state.theme));
  if (wanted >= listed.n) listed.n = wanted + 1;
  extend();
  return [list, more];
};
