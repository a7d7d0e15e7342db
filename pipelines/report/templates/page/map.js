// All themes on a plane: what is alike in meaning lies side by side. Moved and zoomed with the mouse,
// fingers, buttons or keys; one theme at a time can be reached with Tab, its neighbours with arrows.
const MAP = { width: 1000, height: 620, margin: 40 };
// The largest point is smaller the more there are, so that they part when the map is zoomed.
const topRadius = (n) => Math.max(9, Math.min(30, 30 * Math.sqrt(120 / n)));
// How many names, and how wide and high a letter of them is: a telephone shows the map at a third.
const MAX_DOTS = 300;
const nameSizes = () => (isNarrow() ? { n: 12, width: 12, height: 26 } : { n: 26, width: 6.8, height: 17 });

const drawMap = (context) => {
  const { facts, themes, isWanted } = context;
  const placed = themes.filter((theme) => theme.at && theme.counts.voices > 0);
  if (placed.length < 2) return null;
  const largest = Math.max(...placed.map((theme) => theme.counts.voices));
  const across = MAP.width - 2 * MAP.margin;
  const down = MAP.height - 2 * MAP.margin;
  const nodes = [...placed].sort((a, b) => b.counts.voices - a.counts.voices).map((theme) => ({
    theme, x: MAP.margin + (theme.at[0] / 1000) * across, y: MAP.margin + (theme.at[1] / 1000) * down,
    radius: 3 + (topRadius(placed.length) - 3) * Math.sqrt(theme.counts.voices / largest),
  }));
  const card = h("div", { class: "map-card" }, describePoint((nodes.find(({ theme }) => isWanted(theme)) ?? nodes[0]).theme, facts));
  const points = nodes.map((node) => drawPoint(node, isWanted(node.theme)));
  const labels = nodes.slice(0, nameSizes().n * 3).map(({ theme }) =>
    s("text", { class: "map-label", "aria-hidden": "true", direction: theme.name[2] ? "rtl" : "ltr" }, cut(theme.name[0], 30)));
  const drawing = s("svg", {
    class: "map", viewBox: `0 0 ${MAP.width} ${MAP.height}`, role: "group", "aria-label": say("map_label", { n: placed.length }),
  }, s("g", { class: "points" }, points), s("g", { class: "labels" }, labels));
  const show = (node) => {
    card.replaceChildren(describePoint(node.theme, facts));
  };
  const view = followZoom(drawing, nodes, points, labels);
  walkPoints(nodes, points, view, show);
  const control = (key, act) => h("button", { type: "button", "aria-label": say(key), title: say(key), on: { click: act } },
    { zoom_in: "+", zoom_out: "−", zoom_reset: "⤢" }[key]);
  return h("div", { class: "map-frame" },
    h("div", { class: "map-box" }, drawing, h("div", { class: "map-controls" },
      control("zoom_in", () => view.scale(1.6)), control("zoom_out", () => view.scale(1 / 1.6)), control("zoom_reset", view.reset))),
    h("div", { class: "map-side" }, card, mapKey(), h("p", { class: "quiet map-help" }, say("map_help"))),
    asTable(() => mapTable(nodes.map(({ theme }) => theme))));
};

const cut = (text, length) => ([...text].length > length ? `${[...text].slice(0, length).join("").trimEnd()}…` : text);

const drawPoint = ({ theme, radius }, isWanted) => {
  const isRising = ["emerging", "growing"].includes(theme.verdict?.[0]);
  return s("a", {
    class: `point ${feelingClass(balance(theme.counts))}${isRising ? " rising" : ""}${isWanted ? "" : " faded"}`,
    href: `#theme=${encodeURIComponent(theme.id)}`, tabindex: "-1", "aria-label": sayPoint(theme),
  }, isRising ? s("circle", { class: "ring", r: radius + 4 }) : null, s("circle", { class: "dot", r: radius }));
};

const sayPoint = (theme) => {
  const { counts } = theme;
  const parts = [isolate(theme.name[0]), say("voices", { n: counts.voices })];
  if (rated(counts)) parts.push(say("share_negative", { share: share(counts.n[0], rated(counts)) }), say("share_positive", { share: share(counts.n[2], rated(counts)) }));
  if (theme.verdict) parts.push(sayCode("verdict", theme.verdict));
  return parts.join(", ");
};

const describePoint = (theme, facts) => h("div", { class: "map-theme" },
  h("p", { class: "map-name" }, said(theme.name)), badges(theme),
  h("p", { class: "size" }, say("voices", { n: theme.counts.voices }), " · ", say("mentions", { n: spoken(theme.counts) })),
  feelings(theme.counts), quotesOf(theme, facts).slice(0, 2).map((quote) => drawQuote(quote, facts)),
  h("p", {}, themeLink(theme, say("read_on"))));

// Where points are while the map is moved; their size stays, so that what lay on one another parts.
const followZoom = (drawing, nodes, points, labels) => {
  let now = d3.zoomIdentity;
  const place = ({ x, y }) => now.apply([x, y]);
  const move = () => nodes.forEach((node, number) => {
    const [x, y] = place(node);
    points[number].setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  });
  const isTaken = (boxes, box) => boxes.some((other) =>
    box.x < other.x + other.width && other.x < box.x + box.width && box.y < other.y + other.height && other.y < box.y + box.height);
  const isIn = (box) => box.x > 0 && box.x + box.width < MAP.width && box.y > 0 && box.y + box.height < MAP.height;
  const dots = (but) => nodes.slice(0, MAX_DOTS).filter((_, number) => number !== but).map((node) => {
    const [x, y] = place(node);
    return { x: x - node.radius, y: y - node.radius, width: 2 * node.radius, height: 2 * node.radius };
  });
  // The largest themes are named first; a name that would lie on another is left out.
  const name = () => {
    const boxes = [];
    const sizes = nameSizes();
    labels.forEach((label, number) => {
      const [x, y] = place(nodes[number]);
      const width = label.textContent.length * sizes.width + 6;
      const { radius } = nodes[number];
      const free = [y + radius + 2, y - radius - sizes.height]
        .map((top) => ({ x: x - width / 2, y: top, width, height: sizes.height }))
        .filter((each) => isIn(each) && !isTaken(boxes, each));
      // Below its point or above, where it hides no other point, if there is such a place.
      const box = free.find((each) => !isTaken(dots(number), each)) ?? free[0];
      const isShown = box && boxes.length < sizes.n;
      if (isShown) boxes.push(box);
      label.setAttribute("visibility", isShown ? "visible" : "hidden");
      label.setAttribute("x", x.toFixed(1));
      if (box) label.setAttribute("y", (box.y + 0.77 * sizes.height).toFixed(1));
    });
  };
  const zoom = d3.zoom().scaleExtent([1, 40]).translateExtent([[0, 0], [MAP.width, MAP.height]])
    .extent([[0, 0], [MAP.width, MAP.height]])
    // The wheel alone scrolls the page, one finger too.
    .filter((event) => (event.type === "wheel" ? event.ctrlKey || event.metaKey
      : event.type.startsWith("touch") ? event.touches.length > 1 : !event.button))
    .on("zoom", (event) => { now = event.transform; move(); name(); });
  const picture = d3.select(drawing).call(zoom);
  move();
  name();
  return {
    place,
    scale: (factor) => picture.call(zoom.scaleBy, factor),
    reset: () => picture.call(zoom.transform, d3.zoomIdentity),
    reveal: (node) => {
      const [x, y] = place(node);
      if (x < 0 || y < 0 || x > MAP.width || y > MAP.height) picture.call(zoom.translateTo, node.x, node.y);
    },
  };
};

const DIRECTIONS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const walkPoints = (nodes, points, view, show) => {
  points[0].setAttribute("tabindex", "0");
  const go = (node) => {
    for (const point of points) point.setAttribute("tabindex", "-1");
    const point = points[nodes.indexOf(node)];
    point.setAttribute("tabindex", "0");
    view.reveal(node);
    point.parentNode.append(point);
    point.focus({ preventScroll: true });
  };
  nodes.forEach((node, number) => {
    const point = points[number];
    point.addEventListener("pointerenter", () => {
      if (document.activeElement !== point) point.parentNode.append(point);
      show(node);
    });
    point.addEventListener("focus", () => show(node));
    point.addEventListener("click", (event) => { event.preventDefault(); openTheme(node.theme); });
    point.addEventListener("keydown", (event) => {
      const direction = DIRECTIONS[event.key];
      const next = direction && nearest(nodes, node, direction);
      if (!direction) return;
      event.preventDefault();
      if (next) go(next);
    });
  });
};

// The nearest point on that side: what lies askew counts as further away.
const nearest = (nodes, { x, y }, [right, down]) => {
  let found;
  for (const node of nodes) {
    const [ahead, aside] = [(node.x - x) * right + (node.y - y) * down, (node.x - x) * down + (node.y - y) * right];
    const distance = Math.hypot(ahead, 2 * aside);
    if (ahead > 0.01 && (!found || distance < found.distance)) found = { node, distance };
  }
  return found?.node;
};

const mapKey = () => h("ul", { class: "map-key" },
  ["worst", "worse", "mixed", "better", "best"].map((name) => h("li", {}, h("i", { class: `swatch ${name}` }), say(`feeling_${name}`))),
  h("li", {}, h("i", { class: "swatch rising" }), say("feeling_rising")));

const mapTable = (themes) => table({
  name: "themes", caption: say("themes_table"),
  columns: [{ label: say("theme_head") }, ...["voices_head", "mentions_head", "negative_head", "positive_head"].map((key) => ({ label: say(key), isFigure: true })), { label: say("verdict_head") }],
  rows: themes.map((theme) => {
    const { counts } = theme;
    const part = (place) => ({ show: share(counts.n[place], rated(counts)), value: rated(counts) ? counts.n[place] / rated(counts) : undefined });
    return [
      { show: themeLink(theme), value: theme.name[0] }, { show: number(counts.voices), value: counts.voices },
      { show: number(spoken(counts)), value: spoken(counts) }, part(0), part(2),
      theme.verdict ? sayCode("verdict", theme.verdict) : "–",
    ];
  }),
});
