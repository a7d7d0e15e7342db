// Effects, signals, comparisons and coverage: each number with its interval and what it rests on.
const sayOutcome = (code) => {
  const churn = /^churn_(\d+)$/.exec(code);
  const spend = /^spend_change_(\d+)_(.+)$/.exec(code);
  if (churn) return say("outcome_churn_days", { n: Number(churn[1]) });
  if (spend) return say("outcome_spend_days", { n: Number(spend[1]), currency: isolate(spend[2]) });
  return sayCode("outcome", asCode(code));
};
const sayEffect = (value, unit) => {
  if (value === undefined) return "–";
  if (unit === "relative") return isolate(`${signed(value * 100, wording.whole)}%`);
  if (unit === "share") return say("percentage_points", { shown: isolate(signed(value * 100, wording.tenth)) });
  if (unit === "hazard_ratio") return `×${ratio(value)}`;
  return isCurrency(unit) ? money(value, unit, true) : isolate(signed(value, wording.hundredth));
};
const signed = (value, format) => `${value < 0 ? "\u2212" : value > 0 ? "+" : ""}${format.format(Math.abs(value))}`;
const sayGain = (value, unit) => {
  if (value === undefined) return "–";
  return isCurrency(unit) ? money(value, unit) : amount(value);
};
const sayUnit = (unit) => (unit && !isCurrency(unit) ? sayCode("unit", asCode(unit)) : "");
const saySpan = (low, high, write) => (low === undefined || high === undefined ? "–" : say("span", { low: write(low), high: write(high) }));
const heads = (...keys) => keys.map((key) => ({ label: say(key.replace(/^#/, "")), isFigure: key.startsWith("#") }));
// Why nothing is said: a code with what it names.
const sayNote = ({ note, note_values: named, unit }) => {
  if (!findWords(`unsaid_${note}`)) return say("nothing_said");
  const show = (value) => (Array.isArray(value) ? value.join(say("comma")) : number(value));
  const values = Object.fromEntries(Object.entries(named ?? {}).map(([name, value]) => [name, show(value)]));
  for (const name of ["effect", "low", "high"]) if (name in values) values[name] = sayEffect(named[name], unit);
  return say(`unsaid_${note}`, values);
};

const drawImpacts = (theme) => {
  if (!theme.impacts.length) return quiet(say("no_impact"));
  const rows = theme.impacts.filter(({ effect }) => effect !== undefined);
  const unsaid = theme.impacts.filter(({ effect }) => effect === undefined);
  const plot = ({ low, effect, high, unit }) => {
    const [span, zero] = [{ low, value: effect, high }, unit === "hazard_ratio" ? 1 : 0];
    return intervalPlot(span, domainOf([span], zero), zero);
  };
  return [
    rows.length ? table({
      name: `impact-${theme.id}`, caption: say("impact_caption"), isStacking: true,
      columns: heads("outcome_head", "#effect_head", "interval_head", "#plain_head", "#q_head", "#compared_head", "#at_stake_head"),
      rows: rows.map((row) => [
        { show: sayOutcome(row.outcome), value: row.outcome }, { show: sayEffect(row.effect, row.unit), value: row.effect },
        { show: h("span", { class: "with-plot" }, plot(row), h("span", {}, saySpan(row.low, row.high, (n) => sayEffect(n, row.unit)))), value: `${row.low} to ${row.high}` },
        { show: sayEffect(row.plain_effect, row.unit), value: row.plain_effect },
        { show: row.q_value === undefined ? "–" : sayChance(row.q_value), value: row.q_value },
        { show: say("some_of", { some: number(row.n_with_theme ?? 0), all: number(row.n ?? 0) }), value: row.n_with_theme },
        { show: drawStakes(row, theme.stakes.filter(({ outcome }) => outcome === row.outcome)), value: row.at_stake },
      ]),
    }) : null,
    rows.length ? h("p", { class: "caution" }, say("not_cause"), " ", adjustedFor(rows)) : null,
    [...new Set(unsaid.map(sayNote))].map((note) => quiet(
      unsaid.filter((row) => sayNote(row) === note).map(({ outcome }) => sayOutcome(outcome)).join(say("comma")), ": ", note)),
  ];
};
// What is at stake in each currency; they are never added up.
const drawStakes = (row, stakes) => {
  const { at_stake, at_stake_low: low, at_stake_high: high, currency } = row;
  const all = stakes.length || at_stake === undefined ? stakes : [{ at_stake, low, high, currency }];
  if (!all.length) return "–";
  return all.map((each) => h("span", { class: "stake" },
    isCurrency(each.currency) ? money(each.at_stake, each.currency) : say("customers_about", { n: amount(each.at_stake), count: Math.abs(each.at_stake) }),
    h("small", {}, ` ${saySpan(each.low, each.high, (n) => sayGain(n, each.currency))}`)));
};
const adjustedFor = (rows) => {
  const held = [...new Set(rows.flatMap((row) => row.adjusted_for ?? []))];
  const methods = [...new Set(rows.map(({ method }) => method))];
  return [
    held.length ? say("held_equal", { what: held.map((each) => sayCode("held", asCode(each))).join(", ") }) : "", " ",
    say("methods", { what: methods.map((each) => sayCode("method", asCode(each))).join(", ") }),
  ];
};

const drawFixes = (theme) => theme.fixes.map((row) => (row.effect === undefined
  ? quiet(say("fixed_at", { day: day(row.fixed_at) }), " ", sayOutcome(row.outcome), ": ", sayNote(row))
  : h("p", {}, say("fixed_at", { day: day(row.fixed_at) }), " ", say("fix_effect", {
    outcome: sayOutcome(row.outcome), effect: sayEffect(row.effect, row.unit), low: sayEffect(row.low, row.unit), high: sayEffect(row.high, row.unit),
  }), row.compared_with?.length ? ` ${say("fix_compared", { n: row.compared_with.length })}` : "")));

const drawSignals = (theme) => {
  const order = ["reach", "growth", "feeling", "value", "breadth", "confidence"];
  const rows = [...theme.signals].sort((a, b) => order.indexOf(a.part) - order.indexOf(b.part));
  const largest = Math.max(...rows.map(({ weight }) => 100 * (weight ?? 0)), 1);
  return [
    theme.score === undefined ? null : h("p", {}, say("signal_sum", { score: amount(theme.score) })),
    table({
      name: `signal-${theme.id}`, caption: say("signal_caption"),
      columns: heads("part_head", "#measured_head", "#score_head", "#weight_head", "#points_head", "bar_head"),
      rows: rows.map((row) => [
        { show: sayCode("part", asCode(row.part)), value: row.part },
        { show: row.value === undefined ? findWords(`why_${row.note}`) ?? say("unknown") : sayMeasured(row), value: row.value },
        { show: row.score === undefined ? "–" : points(row.score), value: row.score }, { show: share(row.weight, 1), value: row.weight },
        { show: row.points === undefined ? "–" : amount(row.points), value: row.points },
        { show: amountBar(row.points ?? 0, largest), value: undefined },
      ]),
      foot: [say("all"), "", "", "", { show: theme.score === undefined ? "–" : amount(theme.score), value: theme.score }, ""],
    }),
  ];
};

const sayMeasured = ({ value, unit }) => {
  if (unit === "share_of_voices" || unit === "share_at_stake") return isolate(wording.fewPercent.format(value));
  if (unit === "times_expected") return `×${ratio(value)}`;
  return unit === "sentiment" ? score(value) : `${points(value)} ${sayUnit(unit)}`.trim();
};

const themeOf = (row, facts) => (row.theme === undefined ? plain(row.themeId ?? "") : themeLink(facts.themes[row.theme]));

const drawPriorities = ({ facts }) => {
  const wanted = chosenSegmentName(facts);
  const rows = facts.priorities.filter(({ segment }) => segment === wanted);
  if (!rows.length) return quiet(say(facts.priorities.length ? "no_priority_here" : "no_priority"));
  const span = (row) => ({ low: row.gain_low ?? row.gain, value: row.gain, high: row.gain_high ?? row.gain });
  const domain = (unit) => domainOf(rows.filter((row) => row.unit === unit).map(span));
  const reasons = new Set(rows.map(({ reason }) => reason));
  const sayReason = ({ reason }) => reason && sayCode("reason", asCode(reason));
  return [
    h("ol", { class: "priorities" }, rows.map((row) => h("li", { value: row.rank },
      h("p", { class: "what" }, themeOf(row, facts)),
      row.gain === undefined ? null : h("div", { class: "gain" },
        intervalPlot(span(row), domain(row.unit)),
        h("p", {}, h("b", {}, sayGain(row.gain, row.unit)), " ", sayUnit(row.unit), " ", h("small", {}, saySpan(row.gain_low, row.gain_high, (n) => sayGain(n, row.unit))))),
      h("p", { class: "quiet" }, [row.outcome && sayOutcome(row.outcome), row.n_customers !== undefined && say("voices", { n: row.n_customers }), row.q_value !== undefined && sayQ(row.q_value), reasons.size > 1 && sayReason(row)].filter(Boolean).join(" · "))))),
    asTable(() => table({
      name: "priorities", caption: say("priorities_caption"),
      columns: heads("#rank_head", "theme_head", "segment_head", "outcome_head", "#gain_head", "#low_head", "#high_head", "unit_head", "#q_head", "#voices_head"),
      rows: rows.map((row) => [
        row.rank, { show: themeOf(row, facts), value: row.theme === undefined ? row.themeId : facts.themes[row.theme].name[0] },
        row.segment === ALL ? say("all") : row.segment, row.outcome ? { show: sayOutcome(row.outcome), value: row.outcome } : "–",
        ...["gain", "gain_low", "gain_high"].map((key) => ({ show: sayGain(row[key], row.unit), value: row[key] })),
        row.unit ?? "", { show: row.q_value === undefined ? "–" : sayChance(row.q_value), value: row.q_value }, { show: row.n_customers === undefined ? "–" : number(row.n_customers), value: row.n_customers },
      ]),
    })),
    h("p", { class: "caution" }, rows.some(({ q_value: q }) => q > MAX_Q) ? `${say("gains_unsure")} ` : "",
      reasons.size === 1 && sayReason(rows[0]) ? `${capitalize(sayReason(rows[0]))}. ` : "", say("not_cause")),
  ];
};

// Of a larger corrected p-value a difference may be chance.
const MAX_Q = 0.05;
const chosenComparison = {};
const drawComparison = ({ facts }) => {
  const dimensions = [...new Set(facts.comparison.map(({ dimension }) => dimension))];
  return dimensions.map((dimension) => {
    const rows = facts.comparison.filter((row) => row.dimension === dimension);
    const themes = [...new Set(rows.map(({ theme }) => theme))].filter((theme) => theme !== undefined);
    const body = h("div");
    const redraw = () => body.replaceChildren(...compareValues(rows, dimension, chosenComparison[dimension], facts));
    const box = h("select", { id: `compare-${dimension}`, on: { change: () => { chosenComparison[dimension] = box.value === "" ? undefined : Number(box.value); redraw(); } } },
      h("option", { value: "" }, say("all_feedback")),
      themes.map((theme) => h("option", { value: theme, dir: "auto", selected: chosenComparison[dimension] === theme }, cut(facts.themes[theme].name[0], 70))));
    redraw();
    return h("div", { class: "compared" }, h("h3", {}, say("compared_by", { dimension: sayCode("dimension", asCode(dimension)) })),
      themes.length ? h("p", { class: "field" }, h("label", { for: `compare-${dimension}` }, say("compare_theme")), box) : null, body);
  });
};
const compareValues = (rows, dimension, theme, facts) => {
  const chosen = rows.filter((row) => row.theme === theme);
  const domain = domainOf(chosen.map((row) => ({ low: row.share_low, value: row.share, high: row.share_high })));
  const caption = theme === undefined ? say("compare_feelings") : say("compare_shares", { theme: facts.themes[theme].name[0] });
  const plot = (name, limits) => (row) => (row[name] === undefined ? "–" : {
    show: h("span", { class: "with-plot" },
      intervalPlot({ low: row[`${name}_low`] ?? row[name], value: row[name], high: row[`${name}_high`] ?? row[name] }, limits),
      h("span", {}, name === "share" ? share(row.share, 1) : score(row[name]), " ", h("small", {}, saySpan(row[`${name}_low`], row[`${name}_high`], name === "share" ? (n) => share(n, 1) : score)))),
    value: row[name],
  });
  const q = (name) => (row) => ({ show: row[`${name}_q`] === undefined ? "–" : sayChance(row[`${name}_q`]), value: row[`${name}_q`] });
  const feeling = [plot("sentiment", [-1, 1]), q("sentiment")];
  const chances = chosen.flatMap((row) => [row.sentiment_q, theme === undefined ? undefined : row.share_q]).filter((q) => q !== undefined);
  const isUnsure = chances.length > 0 && chances.every((q) => q > MAX_Q);
  const measures = theme === undefined ? feeling : [plot("share", domain), q("share"), ...feeling];
  return [isUnsure ? quiet(say("nothing_differs")) : null, table({
    name: `comparison-${dimension}`, caption, isStacking: true,
    columns: heads("value_head", "#voices_head", ...(theme === undefined ? [] : ["share_head", "#q_head"]), "sentiment_head", "#q_head"),
    rows: chosen.map((row) => [
      { show: plain(row.value), value: row.value }, { show: number(row.n_voices), value: row.n_voices }, ...measures.map((measure) => measure(row)),
    ]),
  })].filter(Boolean);
};

const valueName = ({ dimension, value }) => {
  if (value === ALL) return say("all");
  if (dimension === "lang") return languageName(value);
  return dimension === "country" ? countryName(value) : plain(value);
};
const sayHeard = ({ note, n_heard: n }) => (n ? sayCode("heard", asCode(note)) : say("heard_none"));
const drawCoverage = ({ facts }) => {
  const warnings = facts.coverage.filter(({ note }) => note);
  return [
    warnings.length ? h("ul", { class: "warnings" }, warnings.map((row) => h("li", {}, valueName(row), ": ", say("heard_of", { heard: number(row.n_heard ?? 0), all: row.n_customers === undefined ? say("unknown") : number(row.n_customers) }), " – ", sayHeard(row)))) : null,
    [...new Set(facts.coverage.map(({ dimension }) => dimension))].map((dimension) => {
      const rows = facts.coverage.filter((row) => row.dimension === dimension);
      const top = Math.max(...rows.map((row) => row.share_high ?? row.share ?? 0), 0.01);
      const isKnown = (name) => rows.some((row) => row[name] !== undefined);
      return table({
        name: `coverage-${dimension}`, isStacking: true,
        caption: dimension === ALL ? say("covered_all") : say("covered_by", { dimension: sayCode("dimension", asCode(dimension)) }),
        columns: heads("value_head", "#customers_head", "#heard_head", "share_heard_head", ...(isKnown("representation") ? ["#representation_head"] : []), ...(isKnown("weight") ? ["#weight_head"] : [])),
        rows: rows.map((row) => [
          { show: valueName(row), value: row.value }, { show: row.n_customers === undefined ? say("unknown") : number(row.n_customers), value: row.n_customers },
          { show: number(row.n_heard ?? 0), value: row.n_heard },
          row.share === undefined ? "–" : { show: h("span", { class: "with-plot" }, intervalPlot({ low: row.share_low ?? row.share, value: row.share, high: row.share_high ?? row.share }, [0, top * 1.05]), h("span", {}, share(row.share, 1), " ", h("small", {}, saySpan(row.share_low, row.share_high, (n) => share(n, 1))))), value: row.share },
          isKnown("representation") && (row.representation === undefined ? "–" : { show: h("span", {}, `×${points(row.representation)}`, " ", h("small", {}, saySpan(row.representation_low, row.representation_high, points))), value: row.representation }),
          isKnown("weight") && (row.weight === undefined ? "–" : { show: points(row.weight), value: row.weight }),
        ].filter((cell) => cell !== false)),
      });
    }),
  ];
};
