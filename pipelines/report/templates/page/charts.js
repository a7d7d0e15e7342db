// Charts as SVG: scales, ticks and paths are d3's, the marks and words are ours. Time and amounts run
// with the reading direction. Every chart has its table.
const isNarrow = () => matchMedia("(max-width: 46rem)").matches;
const along = (width) => (wording.isFromRight ? [width, 0] : [0, width]);

// Negative on the side where a line begins, positive where it ends, neutral around the middle.
const feelingBar = (counts, extra = {}) => {
  const unit = 100 / Math.max(rated(counts), 1);
  const [negative, neutral, positive] = counts.n.map((n) => n * unit);
  const left = 100 - neutral / 2;
  const part = (name, x, width) => s("rect", { class: name, x: x.toFixed(2), y: 0, width: width.toFixed(2), height: 10 });
  return s("svg", { class: "feeling", viewBox: "0 0 200 10", preserveAspectRatio: "none", "aria-hidden": "true", ...extra },
    s("g", wording.isFromRight ? { transform: "matrix(-1 0 0 1 200 0)" } : {},
      s("rect", { class: "rail", x: 0, y: 4.5, width: 200, height: 1 }),
      part("negative", left - negative, negative), part("neutral", left, neutral),
      part("positive", left + neutral, positive)));
};
const feelingWords = (counts) =>
  h("p", { class: "feeling-words" }, ["negative", "neutral", "positive"].map((name, place) =>
    h("span", { class: name }, pieces(`share_${name}`, { share: h("b", {}, share(counts.n[place], rated(counts))) }))));
const feelings = (counts) =>
  (rated(counts) ? [feelingBar(counts), feelingWords(counts)] : quiet(say("no_sentiment")));
const feelingClass = (value) =>
  ["worst", "worse", "mixed", "better", "best"][[-0.45, -0.12, 0.12, 0.45].filter((edge) => value > edge).length];

const amountBar = (part, whole) => {
  const width = (100 * part) / Math.max(whole, 1);
  const x = wording.isFromRight ? 100 - width : 0;
  return s("svg", { class: "amount", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { class: "rail", width: 100, height: 4 }),
    s("rect", { class: "fill", x: x.toFixed(2), width: width.toFixed(2), height: 4 }));
};

// A value with its interval on a scale that its neighbours share, with a line at `zero`.
const intervalPlot = ({ low, value, high }, domain, zero = 0) => {
  const x = d3.scaleLinear().domain(domain).range(along(150).map((end) => 5 + (end * 140) / 150));
  const line = (name, from, to, y = 8) => s("line", { class: name, x1: x(from), x2: x(to), y1: y, y2: y });
  const stays = (n) => Math.max(domain[0], Math.min(domain[1], n));
  return s("svg", { class: "interval", viewBox: "0 0 150 16", "aria-hidden": "true" },
    domain[0] <= zero && zero <= domain[1]
      ? s("line", { class: "zero", x1: x(zero), x2: x(zero), y1: 1, y2: 15 }) : null,
    line("whisker", stays(low), stays(high)),
    s("circle", { class: "point", cx: x(stays(value)), cy: 8, r: 3.6 }));
};
const domainOf = (rows, zero = 0) => {
  const ends = rows.flatMap(({ low, value, high }) => [low, value, high]).filter(Number.isFinite);
  const [low, high] = [Math.min(zero, ...ends), Math.max(zero, ...ends)];
  const room = (high - low || 1) * 0.04;
  return [low - room, high + room];
};

// Voices a week of a small multiple, without axes.
const sparkline = (values) => {
  const top = Math.max(1, ...values);
  const x = d3.scaleLinear().domain([0, Math.max(values.length - 1, 1)]).range(along(154).map((end) => end + 3));
  const y = d3.scaleLinear().domain([0, top]).range([33, 3]);
  const path = (make) => make(values.map((value, place) => [x(place), y(value)]));
  const last = values.length - 1;
  return s("svg", { class: "spark", viewBox: "0 0 160 36", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("path", { class: "area", d: path(d3.area().y0(33)) }), s("path", { class: "line", d: path(d3.line()) }),
    last < 0 ? null : s("path", { class: "end", d: `M${x(last)} ${y(values[last])}h0` }));
};

const monthTick = (date) =>
  (wording.monthNumber.format(date) === "1" ? wording.year : wording.month).format(date);

const trendAxes = (x, y, size) => {
  const { width, height, left, right, bottom } = size;
  const isOn = wording.isFromRight;
  return [
    y.ticks(Math.min(4, y.domain()[1])).filter(Number.isInteger).map((n) => s("g", { class: "tick" },
      s("line", { x1: left, x2: width - right, y1: y(n), y2: y(n) }),
      s("text", {
        x: isOn ? width - right + 8 : left - 8, y: y(n) + 4, "text-anchor": isOn ? "start" : "end", direction: "ltr",
      }, number(n)))),
    x.ticks(width < 500 ? 4 : 8).map((date) => s("g", { class: "tick" },
      s("line", { x1: x(date), x2: x(date), y1: height - bottom, y2: height - bottom + 5 }),
      s("text", { x: x(date), y: height - 6, "text-anchor": "middle" }, monthTick(date)))),
  ];
};

// Voices a week with what was expected of them. `weeks` are `{week, day, n, expected, low, high}`: `n` is
// undefined where too few customers may be told of, the others where nothing is expected.
const trendChart = (weeks, { name, caption }) => {
  const size = isNarrow()
    ? { width: 360, height: 190, left: 34, right: 10, top: 10, bottom: 26 }
    : { width: Math.round(Math.min(1170, 0.9 * innerWidth)), height: 240, left: 44, right: 14, top: 12, bottom: 28 };
  if (wording.isFromRight) [size.left, size.right] = [size.right, size.left];
  const { width, height, left, right, top, bottom } = size;
  const ends = [asDate(weeks[0].day), asDate(weeks.at(-1).day)];
  if (ends[0] >= ends[1]) ends[1] = new Date(ends[0].getTime() + 7 * 864e5);
  const x = d3.scaleUtc().domain(ends).range(wording.isFromRight ? [width - right, left] : [left, width - right]);
  const y = d3.scaleLinear().domain([0, Math.max(2, ...weeks.flatMap(({ n, high }) => [n ?? 0, high ?? 0]))])
    .nice(4).range([height - bottom, top]);
  const at = (week) => x(asDate(week.day));
  const known = (part) => d3[part]().x(at);
  const isBand = ({ low, high }) => low !== undefined && high !== undefined;
  const cursor = s("line", { class: "cursor", y1: top, y2: height - bottom, x1: 0, x2: 0, visibility: "hidden" });
  const marks = weeks.filter((week) => isBand(week) && (week.n > week.high || week.n < week.low));
  const drawing = s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    trendAxes(x, y, size),
    s("path", { class: "band", d: known("area").defined(isBand).y0((w) => y(w.low)).y1((w) => y(w.high))(weeks) }),
    s("path", { class: "expected", d: known("line").defined((w) => w.expected !== undefined).y((w) => y(w.expected))(weeks) }),
    s("path", { class: "line", d: known("line").defined((w) => w.n !== undefined).y((w) => y(w.n))(weeks) }),
    weeks.length < 3 ? weeks.filter((w) => w.n !== undefined).map((w) => s("circle", { class: "point", cx: at(w), cy: y(w.n), r: 3.5 })) : null,
    marks.map((week) => s("circle", { class: "unusual", cx: at(week), cy: y(week.n), r: 4 })), cursor);
  const readout = h("p", { class: "readout", role: "status" }, say("chart_help"));
  let place = weeks.length;
  const show = (next) => {
    place = Math.max(0, Math.min(weeks.length - 1, next));
    const week = weeks[place];
    cursor.setAttribute("visibility", "visible");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, at(week));
    readout.textContent = sayWeek(week);
  };
  const steps = { ArrowRight: wording.isFromRight ? -1 : 1, ArrowLeft: wording.isFromRight ? 1 : -1 };
  const box = h("div", {
    class: "chart-box", tabindex: "0", role: "group", "aria-label": `${caption}. ${say("chart_help")}`,
    on: {
      keydown: (event) => {
        if (event.key in steps) show(place + steps[event.key]);
        else if (event.key === "Home") show(0);
        else if (event.key === "End") show(weeks.length - 1);
        else return;
        event.preventDefault();
      },
      pointermove: (event) => {
        const bounds = drawing.getBoundingClientRect();
        const moment = x.invert(((event.clientX - bounds.left) / bounds.width) * width);
        show(Math.round((moment - asDate(weeks[0].day)) / (7 * 864e5)));
      },
    },
  }, drawing);
  return h("figure", { class: "trend" }, h("figcaption", {}, caption), box, trendKey(weeks.some(isBand), breaksOff(weeks, isBand)), readout,
    asTable(() => trendTable(weeks, name, caption)));
};

const sayWeek = ({ day: monday, n, expected, low, high }) => {
  const voices = n === undefined ? say("too_few_to_show") : say("voices", { n });
  const usual = expected === undefined ? "" : ` · ${sayExpected({ expected, expected_low: low, expected_high: high })}`;
  return `${say("week_of", { day: day(monday) })}: ${voices}${usual}`;
};

// Weeks in which nobody spoke of a theme have no expectation in the store.
const breaksOff = (weeks, isBand) => {
  const first = weeks.findIndex(isBand);
  return first >= 0 && weeks.slice(first).some((week) => !isBand(week) && !week.n);
};
const trendKey = (hasBand, isBroken) => h("p", { class: "key", "aria-hidden": "true" },
  h("span", { class: "of-line" }, say("voices_a_week")),
  hasBand ? [h("span", { class: "of-band" }, say("expected_band")), h("span", { class: "of-unusual" }, say("outside_band")), isBroken ? h("span", { class: "of-nothing" }, say("band_breaks")) : null] : null);

const trendTable = (weeks, name, caption) => table({
  name, caption,
  columns: [{ label: say("week_from_head") }, ...["voices_head", "expected_head", "low_head", "high_head"].map((key) => ({ label: say(key), isFigure: true }))],
  rows: weeks.map((week) => [
    { show: day(week.day), value: week.day },
    { show: week.n === undefined ? say("too_few") : number(week.n), value: week.n },
    ...["expected", "low", "high"].map((part) => ({ show: week[part] === undefined ? "–" : amount(week[part]), value: week[part] })),
  ]),
});
