// Elements, tables and files. Text becomes text nodes only, so nothing in it can run.
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value !== undefined && value !== null && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== ""));
  return element;
};
const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

// Customers' words: always isolated, always with their language and direction.
const said = ([text, lang, isFromRight]) => h("bdi", { lang, dir: isFromRight ? "rtl" : "auto" }, text);
const plain = (text) => h("bdi", { dir: "auto" }, text);
const quiet = (...children) => h("p", { class: "quiet" }, ...children);

// What a spreadsheet program would run is marked, as pipelines/csv_tables.py does.
const FORMULA = /^'*[=+\-@\t\r\n＝＋－＠]/;
const csvCell = (value) => {
  if (value === undefined || value === null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const text = value.replace(/[\u2066-\u2069]/g, "");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};
const writeCsv = (rows) => `\ufeff${rows.map((row) => row.map(csvCell).join(",")).join("\r\n")}\r\n`;

const download = (name, rows) => {
  const address = URL.createObjectURL(new Blob([writeCsv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = h("a", { href: address, download: `earful-${name}.csv` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
};

const downloadButton = (name, caption, listRows) =>
  h("button", {
    type: "button", class: "download", "aria-label": say("download_named", { caption }),
    on: { click: () => download(name, listRows()) },
  }, say("download"));

const shown = (cell) => (cell !== null && typeof cell === "object" && "show" in cell ? cell.show : cell);
const valueOf = (cell) => {
  const value = cell !== null && typeof cell === "object" && "show" in cell ? cell.value : cell;
  return value instanceof Node ? value.textContent : value;
};

// A table with its caption and its download. A column is `{label, isFigure, isHidden}`, a cell what
// is shown or `{show, value}` with what the file gets; a row may be `{cells, ...attributes}`.
const table = ({ name, caption, columns, rows, isStacking, foot }) => {
  const asRow = (row) => (Array.isArray(row) ? { cells: row } : row);
  const all = rows.map(asRow);
  const listRows = () => [
    columns.map(({ label }) => label), ...all.map(({ cells }) => cells.map(valueOf)),
  ];
  const drawRow = ({ cells, ...attributes }) =>
    h("tr", attributes, cells.map((cell, place) => {
      const { label, isFigure } = columns[place];
      const own = { class: isFigure ? "figure" : undefined, "data-label": isStacking ? label : undefined };
      return place === 0 ? h("th", { scope: "row", ...own }, shown(cell)) : h("td", own, shown(cell));
    }));
  const head = h("tr", {}, columns.map(({ label, isFigure }) =>
    h("th", { scope: "col", class: isFigure ? "figure" : undefined }, label)));
  return h("div", { class: "tabled" },
    h("div", { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
      h("table", { class: isStacking ? "stacking" : undefined },
        h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, all.map(drawRow)),
        foot ? h("tfoot", {}, drawRow(asRow(foot))) : null)),
    downloadButton(name, caption, listRows));
};

// What nobody needs at first sight is made when it is opened.
const folded = (summary, make, { isOpen = false, ...attributes } = {}) => {
  const body = h("div", { class: "folded" });
  const element = h("details", attributes, h("summary", {}, summary), body);
  const open = () => { if (element.open && !body.hasChildNodes()) body.append(make()); };
  element.addEventListener("toggle", open);
  element.open = isOpen;
  if (isOpen) open();
  return element;
};
const asTable = (make) => folded(say("as_table"), make, { class: "as-table" });
