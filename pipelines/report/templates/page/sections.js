// The sections around the themes, from what changed to how to read it all.
const section = (id, key, children, { lead, isAll } = {}) => {
  const found = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== "");
  if (!found.length) return null;
  return h("section", { id, "aria-labelledby": `${id}-heading`, tabindex: "-1" },
    h("div", { class: "heading" }, h("h2", { id: `${id}-heading` }, say(key)),
      isAll ? ofAll(isAll) : null),
    lead ? h("p", { class: "lead" }, lead) : null, found);
};

// What is shown is not what is chosen: it was computed over all feedback, or all of a segment.
const ofAll = (of) => (isSliced() ? h("p", { class: "badge badge-silent" }, say(of === SEGMENT ? "of_all_segment" : "of_all_feedback")) : null);
const SEGMENT = "segment";

const provenance = ({ facts }) => {
  const { run } = facts;
  const parts = facts.sources.length ? [say("sources_count", { n: facts.sources.length }), days(facts.first, facts.last)] : [];
  if (!run) parts.push(say("nothing_has_run"));
  else parts.push([say("last_run", { day: day(run.at), time: isolate(wording.time.format(new Date(run.at))) }),
    run.status === "done" ? "" : h("strong", { class: "warning" }, ` (${sayCode("status", asCode(run.status))})`)]);
  return parts.map((part) => h("span", {}, part));
};

const countsStrip = ({ facts, total, visible, slice, counts }) => {
  const { feedback, mentions, assigned } = total;
  if (feedback.isFew) return fewOfSegment();
  const [all, noise, linked] = feedback.n;
  const one = (key, value, ...small) => h("div", {}, h("dt", {}, say(key)), h("dd", {}, h("b", {}, value), h("small", {}, small)));
  const langs = facts.langs.filter((lang, place) => lang !== "und" && lang !== "" && (isFiltered() ? (!slice.lang || slice.lang === place + 1) && spoken(counts.count(CUBE.mentions, { ...slice, lang: place + 1 })) : facts.mainLangs.includes(lang)));
  const nNew = facts.themes.filter(({ isNew }) => isNew).length;
  const rejected = sum(facts.rejected.map(nRejected(facts)));
  return h("dl", { class: "counts" },
    one("feedback_head", number(all), say("noise_of", { n: noise, share: share(noise, all) })),
    one("mentions_head", mentions.isFew ? "–" : number(spoken(mentions)), say("have_a_theme", { share: assigned.isFew ? "–" : share(spoken(assigned), spoken(mentions)) })),
    one("themes_head", number(isFiltered() ? visible.length : facts.nThemes), isFiltered() ? say("of_themes", { n: facts.themes.length })
      : [nNew ? say("n_new", { n: nNew, weeks: facts.newDays / 7 }) : say("what_themes_are"), facts.nMuted ? `; ${say("n_muted", { n: facts.nMuted })}` : ""]),
    one("langs_head", number(langs.length), nameSome(langs, 3)),
    one("linked_head", share(linked, all - noise), facts.nCustomers ? say("linked_of", { linked: number(linked), all: number(all - noise) }) : say("no_customers")),
    one("rejected_head", number(rejected), say(rejected ? "rejected_kept" : "rejected_none")));
};
const fewOfSegment = () => quiet(say("segment_few"));
const sum = (numbers) => numbers.reduce((total, n) => total + n, 0);
const nRejected = (facts) => ({ sources }) =>
  sum(sources.filter(([name]) => !state.source || name === facts.sources[state.source - 1]).map(([, n]) => n));
const nameSome = (langs, n) => {
  const names = langs.slice(0, n).map(languageName).join(say("comma"));
  return langs.length > n ? say("and_more", { names, n: langs.length - n }) : names;
};

const CHANGED = ["emerging", "growing", "fading"];
const MAX_CHANGED = 8;
const changedThemes = (context) => {
  const name = chosenSegmentName(context.facts);
  return context.visible.map((theme) => {
    const row = theme.judged.find(({ segment }) => segment === name);
    const verdict = name === ALL ? theme.verdict?.[0] : row?.verdict;
    const mood = row?.sentiment_verdict;
    return { theme, row, verdict, mood, isChanged: CHANGED.includes(verdict) || mood === "worse" || mood === "better" };
  }).filter(({ isChanged }) => isChanged).sort((a, b) =>
    (b.theme.score ?? -1) - (a.theme.score ?? -1) || CHANGED.indexOf(a.verdict) - CHANGED.indexOf(b.verdict) || a.theme.number - b.theme.number);
};

const drawChanged = (context) => {
  const { facts, counts } = context;
  const changed = changedThemes(context);
  if (!changed.length) {
    const segment = chosenSegmentName(facts);
    const isJudged = facts.themes.some(({ judged }) => judged.some((row) => row.segment === segment && row.verdict));
    if (!isJudged && state.segment) return quiet(say("no_verdict_of_segment"));
    const reasons = new Set(facts.themes.map(({ silent }) => silent));
    const none = context.visible.length < facts.themes.length ? "nothing_changed_here" : "nothing_changed";
    return quiet(say(isJudged || facts.themes.some(({ verdict }) => verdict) ? none : "nothing_judged"), " ", !isJudged && reasons.size === 1 && facts.themes.length ? say(`silent_${[...reasons][0]}_means`) : "");
  }
  // What is judged is all that was said, up to now: so is its line.
  const { drawn, last } = facts.weeks ?? { drawn: 1, last: 0 };
  return [
    h("ul", { class: "changed" }, changed.slice(0, MAX_CHANGED).map(({ theme, row, verdict, mood }) => {
      const weekly = counts.weekly(theme.cube, { source: 0, lang: 0 });
      const values = Array.from({ length: Math.max(0, last - drawn + 1) }, (_, place) => weekly.get(drawn + place) ?? 0).slice(-26);
      return h("li", {},
        h("div", { class: "what" }, themeLink(theme), badges(theme, { verdict: verdict && asCode(verdict), mood: mood ?? null })),
        values.length > 1 && !state.segment ? sparkline(values) : null,
        h("p", { class: "quiet" }, [
          row?.verdict && row.expected !== undefined ? say("changed_counts", { n: row.n_customers ?? 0, day: day(row.period_start), expected: sayExpected(row) }) : null,
          row?.q_value !== undefined && row.verdict ? sayQ(row.q_value) : null,
          mood && mood !== "steady" && row.sentiment_expected !== undefined ? say("mood_short", { sentiment: score(row.sentiment), expected: score(row.sentiment_expected) }) : null,
        ].filter(Boolean).join(" · ")));
    })),
    changed.length > MAX_CHANGED ? quiet(say("more_changed", { n: changed.length - MAX_CHANGED })) : null,
    asTable(() => table({
      name: "changed", caption: say("changed_caption"),
      columns: heads("theme_head", "verdict_head", "#voices_head", "#expected_head", "#low_head", "#high_head", "#ratio_head", "#q_head"),
      rows: changed.map(({ theme, row = {}, verdict }) => [
        { show: themeLink(theme), value: theme.name[0] }, verdict ? sayCode("verdict", asCode(verdict)) : "–",
        { show: row.n_customers === undefined ? "–" : number(row.n_customers), value: row.n_customers },
        ...["expected", "expected_low", "expected_high", "ratio"].map((key) => ({ show: row[key] === undefined ? "–" : (key === "ratio" ? ratio : amount)(row[key]), value: row[key] })),
        { show: row.q_value === undefined ? "–" : sayChance(row.q_value), value: row.q_value },
      ]),
    })),
  ];
};

// The few themes to see first, each once, with every reason to see it.
const MIN_VOICES = 5;
const drawGlance = ({ visible }) => {
  const heard = visible.filter(({ counts }) => counts.voices >= MIN_VOICES && rated(counts));
  const first = (themes, key) => [...themes].sort((a, b) => key(b) - key(a) || a.number - b.number)[0];
  const picks = [
    ["most_spoken", first(visible.filter(({ counts }) => counts.voices), ({ counts }) => counts.voices)],
    ["new_theme", first(visible.filter(({ isNew }) => isNew), ({ counts }) => counts.voices)],
    ["unhappiest", first(heard.filter(({ counts }) => balance(counts) < 0), ({ counts }) => -balance(counts))],
    ["happiest", first(heard.filter(({ counts }) => balance(counts) > 0.15), ({ counts }) => balance(counts))],
  ];
  const reasons = new Map();
  for (const [key, theme] of picks) if (theme) reasons.set(theme, [...(reasons.get(theme) ?? []), say(key)]);
  return h("ul", { class: "glance" }, [...reasons].map(([theme, why]) => h("li", {}, h("span", { class: "why" }, why.join(" · ")), themeLink(theme),
    h("span", { class: "quiet" }, [say("voices", { n: theme.counts.voices }),
      rated(theme.counts) ? (balance(theme.counts) > 0 ? say("share_positive", { share: share(theme.counts.n[2], rated(theme.counts)) }) : say("share_negative", { share: share(theme.counts.n[0], rated(theme.counts)) })) : ""].filter(Boolean).join(say("comma"))))));
};

const customersSection = ({ facts, slice }) => {
  const wanted = fold(state.text);
  const people = facts.customers.filter((person) =>
    (!slice.segment || person.segment === facts.segments[slice.segment - 1]) &&
    (!isDated() || (person.week >= slice.from && person.week <= slice.to)) &&
    person.places.concat(slice.source || slice.lang ? [] : [[]]).some(([source, lang]) => (!slice.source || source === slice.source - 1) && (!slice.lang || lang === slice.lang - 1)) &&
    (!wanted || matches(fold(`${person.id} ${person.themeName} ${person.next ? sayCode("next", person.next) : ""}`), wanted)));
  if (!people.length) return quiet(say(facts.customers.length ? "no_customer_here" : "no_open_customer"));
  const feeling = (value) => h("span", { class: value < -0.05 ? "negative" : value > 0.05 ? "positive" : undefined }, score(value));
  return table({
    name: "customers", caption: say("customers_caption"), isStacking: true,
    columns: heads("customer_head", "segment_head", "open_theme_head", "#sentiment_head", "#risk_head", "next_head", "#last_head"),
    rows: people.map((person) => [
      { show: plain(person.id), value: person.id }, person.segment ? { show: plain(person.segment), value: person.segment } : "–",
      { show: person.theme === undefined ? plain(person.themeName) : themeLink(facts.themes[person.theme]), value: person.themeName },
      { show: person.feeling === undefined ? "–" : feeling(person.feeling), value: person.feeling },
      { show: person.hasLeft ? say("has_left") : person.risk === undefined ? "–" : share(person.risk, 1), value: person.risk },
      { show: person.next ? plain(sayCode("next", person.next)) : "–", value: person.next && sayCode("next", person.next) }, { show: day(person.last), value: person.last },
    ]),
  });
};

const qualitySection = ({ total, counts, slice, facts }) => {
  if (total.feedback.isFew) return fewOfSegment();
  const [all, noise, linked] = total.feedback.n;
  const counted = all - noise;
  const undated = isDated() || slice.segment ? undefined : (({ n }) => n[0] - n[1])(counts.count(CUBE.feedback, { ...slice, to: 0 }));
  const ahead = isDated() || slice.segment || !facts.weeks ? undefined : (({ n }) => n[0] - n[1])(counts.count(CUBE.feedback, { ...slice, from: facts.weeks.last + 1 }));
  const unknown = facts.langs.indexOf("und") + 1 || facts.langs.indexOf("") + 1;
  const untold = slice.lang || !unknown ? undefined : (({ n }) => n[0] - n[1])(counts.count(CUBE.feedback, { ...slice, lang: unknown }));
  const rows = [
    ["quality_noise", noise, all], ["quality_undated", undated, counted], ["quality_ahead", ahead || undefined, counted], ["quality_language", untold, counted],
    ["quality_unlinked", counted - linked, counted],
    ["quality_unassigned", total.assigned.isFew ? undefined : spoken(total.mentions) - spoken(total.assigned), spoken(total.mentions)],
    ["quality_unrated", total.mentions.isFew ? undefined : total.mentions.n[3], spoken(total.mentions)],
  ].filter(([, some]) => some !== undefined);
  return table({
    name: "quality", caption: say("quality_caption"),
    columns: heads("quality_head", "#count_head", "#of_head", "bar_head"),
    rows: rows.map(([key, some, whole]) => [
      { show: [say(key), h("small", {}, say(`${key}_means`))], value: say(key) }, { show: number(some), value: some }, { show: number(whole), value: whole },
      { show: h("span", { class: "with-plot" }, amountBar(some, whole), h("span", {}, share(some, whole))), value: whole ? some / whole : undefined },
    ]),
  });
};

const sourcesTable = ({ facts, counts, slice, total }) => (total.feedback.isFew ? fewOfSegment() : table({
  name: "sources", caption: say("sources_caption"),
  columns: heads("source_head", "#feedback_head", "langs_head", "#linked_head", "#noise_head"),
  rows: facts.sources.flatMap((name, place) => {
    if (slice.source && slice.source !== place + 1) return [];
    const { n: [all, noise, linked] } = counts.count(CUBE.feedback, { ...slice, source: place + 1 });
    if (!all && isFiltered()) return [];
    const langs = facts.langs.filter((_, at) => (!slice.lang || slice.lang === at + 1) && counts.count(CUBE.feedback, { ...slice, source: place + 1, lang: at + 1 }).n[0]);
    return [[
      { show: plain(name), value: name }, { show: number(all), value: all }, nameSome(langs, 4),
      { show: share(linked, all - noise), value: linked }, { show: h("span", {}, number(noise), " ", h("small", {}, share(noise, all))), value: noise },
    ]];
  }),
}));

const languagesTable = ({ facts, counts, slice, total }) => (total.feedback.isFew ? fewOfSegment() : table({
  name: "languages", caption: say("languages_caption"),
  columns: heads("lang_head", "#feedback_head", "#noise_head", "#mentions_head", "#negative_head", "feeling_head", "#positive_head"),
  rows: facts.langs.flatMap((name, place) => {
    if (slice.lang && slice.lang !== place + 1) return [];
    const { n: [all, noise] } = counts.count(CUBE.feedback, { ...slice, lang: place + 1 });
    const found = counts.count(CUBE.mentions, { ...slice, lang: place + 1 });
    if (!all && !spoken(found)) return [];
    const portion = (at) => ({ show: share(found.n[at], rated(found)), value: rated(found) ? found.n[at] / rated(found) : undefined });
    return [[
      { show: languageName(name), value: name }, { show: number(all), value: all }, { show: number(noise), value: noise },
      { show: number(spoken(found)), value: spoken(found) }, portion(0),
      { show: feelingBar(found), value: rated(found) ? found.n[1] / rated(found) : undefined }, portion(2),
    ]];
  }),
}));

const reasonsTable = (kind, rows) => {
  const kept = rows.filter(({ n }) => n);
  const all = sum(kept.map(({ n }) => n));
  return h("div", { class: "reasons" }, h("h3", {}, say(`${kind}_heading`)),
    kept.length ? table({
      name: kind, caption: say(`${kind}_caption`), columns: heads("reason_head", "#count_head"),
      rows: kept.map(({ words, meaning, n }) => [{ show: [words, meaning ? h("small", {}, meaning) : ""], value: words instanceof Node ? words.textContent : words }, { show: number(n), value: n }]),
      foot: [say("all"), { show: number(all), value: all }],
    }) : quiet(say(state.segment && kind !== "rejected" ? "segment_few" : `${kind}_table_empty`)));
};
const asideSection = ({ facts, counts, slice }) => {
  const coded = (kind, first) => facts[kind].map((code, place) => ({
    words: sayCode(kind, code), meaning: explainCode(kind, code), n: counts.count(first + place, slice).n[0],
  }));
  return h("div", { class: "columns" },
    reasonsTable("noise", coded("noise", counts.firstNoise)), reasonsTable("unassigned", coded("unassigned", counts.firstUnassigned)),
    reasonsTable("rejected", facts.rejected.map((each) => ({ words: findWords(`rejected_${each.reason}`) ?? plain(asCode(each.reason)[1]), n: nRejected(facts)(each) }))));
};

const notes = ({ facts }) => {
  const { run } = facts;
  const one = (key, ...more) => h("div", {}, h("dt", {}, say(`note_${key}`)), h("dd", {}, say(`note_${key}_text`, { n: facts.minCustomers, weeks: facts.newDays / 7 }), more));
  const verdicts = Object.keys(SIGNS).map((verdict) => ` ${say(`verdict_${verdict}`)}: ${say(`verdict_${verdict}_means`)}.`);
  return h("dl", { class: "notes" }, one("voices"), one("noise"), one("sentiment"), one("themes"), one("verdicts", verdicts), one("impact"), one("map"),
    one("privacy"), one("dates"),
    run ? h("div", {}, h("dt", {}, say("note_made")), h("dd", {}, say("note_made_text", { program: `earful ${run.version ?? ""}`.trim(), run: run.id }), " ",
      run.encoder ? say("note_encoder", { model: run.encoder }) : "", " ", run.encoder?.startsWith(SETTINGS.defaultEncoder) ? say("note_weights") : "", " ",
      run.sentiment ? say("note_model", { model: run.sentiment }) : "")) : null);
};
