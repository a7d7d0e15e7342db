// Words, numbers and dates in the language of the interface. Plural forms are CLDR's, by Intl.
const LOCALES = {
  en: "en-GB", he: "he-u-ca-gregory-nu-latn", ar: "ar-u-ca-gregory-nu-arab", fa: "fa-u-ca-persian-nu-arabext",
};
const FROM_RIGHT = ["he", "ar", "fa"];
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;
const [ISOLATE, END] = ["\u2068", "\u2069"];
const wording = { lang: "en", isFromRight: false, texts: {}, plurals: null };

const setLanguage = (lang) => {
  const locale = LOCALES[lang];
  Object.assign(wording, {
    lang, isFromRight: FROM_RIGHT.includes(lang), texts: WORDS[lang],
    plurals: new Intl.PluralRules(locale),
    whole: new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }),
    chance: new Intl.NumberFormat(locale, { minimumFractionDigits: 3, maximumFractionDigits: 3 }),
    tenth: new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }),
    hundredth: new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }),
    signed: new Intl.NumberFormat(locale, {
      minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero",
    }),
    percent: new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }),
    fewPercent: new Intl.NumberFormat(locale, { style: "percent", maximumSignificantDigits: 2 }),
    day: new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }),
    month: new Intl.DateTimeFormat(locale, { month: "short", timeZone: "UTC" }),
    year: new Intl.DateTimeFormat(locale, { year: "numeric", timeZone: "UTC" }),
    monthNumber: new Intl.DateTimeFormat(`en-u-ca-${new Intl.DateTimeFormat(locale).resolvedOptions().calendar}`, { month: "numeric", timeZone: "UTC" }),
    time: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" }),
    names: new Intl.DisplayNames([locale], { type: "language" }),
    countries: new Intl.DisplayNames([locale], { type: "region" }),
  });
  document.documentElement.lang = lang;
  document.documentElement.dir = wording.isFromRight ? "rtl" : "ltr";
};

// In a line of the other direction a name, or the sign of a number, would be torn off its place.
const isolate = (text) => (wording.isFromRight || RIGHT_TO_LEFT.test(text) ? `${ISOLATE}${text}${END}` : text);
const byFormat = (format) => (n) => isolate(wording[format].format(n).replace("-", "\u2212"));
const number = byFormat("whole");
const score = (n) => (n === undefined ? "–" : byFormat("signed")(n));
// As exact as stories are (nlp/stories/rounding.py): a number has one look on a page.
const amount = (n) => byFormat(Math.abs(n) >= 100 ? "whole" : "tenth")(n);
const points = byFormat("hundredth");
const ratio = (n) => byFormat(n < 1 ? "hundredth" : n < 10 ? "tenth" : "whole")(n);
const chance = (q) => (q < 0.001 ? `<${wording.chance.format(0.001)}` : wording.chance.format(q));

const share = (part, whole) => {
  if (!whole) return "–";
  const found = part / whole;
  const { percent } = wording;
  if (found > 0 && found < 0.01) return isolate(`<${percent.format(0.01)}`);
  if (found > 0.99 && found < 1) return isolate(`>${percent.format(0.99)}`);
  return isolate(percent.format(Math.floor(Math.round(found * 1e8) / 1e6 + 0.5) / 100));
};

const isCurrency = (unit) => /^[A-Z]{3}$/.test(unit ?? "");
const money = (n, currency, isSigned) => {
  const options = { maximumFractionDigits: 0, signDisplay: isSigned ? "exceptZero" : "auto" };
  if (isCurrency(currency)) Object.assign(options, { style: "currency", currency });
  const shown = new Intl.NumberFormat(LOCALES[wording.lang], options).format(n);
  return isolate(shown.replace("-", "\u2212"));
};

const asDate = (iso) => new Date(`${iso.slice(0, 10)}T00:00Z`);
const day = (iso) => (iso === undefined ? "–" : isolate(wording.day.format(asDate(iso))));
const days = (first, last) =>
  first === undefined ? say("no_dates") : isolate(wording.day.formatRange(asDate(first), asDate(last)));

const capitalize = (text) => text.charAt(0).toLocaleUpperCase(wording.lang) + text.slice(1);
const languageName = (code) => {
  if (code === "" || code === "und") return say("unknown_language");
  try {
    return capitalize(wording.names.of(code));
  } catch {
    return code;
  }
};

const countryName = (code) => {
  try {
    return wording.countries.of(code);
  } catch {
    return plain(code);
  }
};

const findWords = (key) => wording.texts[key] ?? WORDS.en[key];

// The pieces of a message: its words, and each value in its place. A value that is an element stays
// one; `count`, else `n`, decides the plural form.
const pieces = (key, values = {}) => {
  const message = findWords(key) ?? key;
  const form = typeof message === "string" ? message : message[wording.plurals.select(values.count ?? values.n)] ?? message.other;
  return form.split(/\{(\w+)\}/).map((piece, place) => {
    if (place % 2 === 0) return piece;
    const value = values[piece];
    if (typeof value === "number") return number(value);
    return typeof value === "string" && !value.startsWith(ISOLATE) ? isolate(value) : value;
  });
};

const say = (key, values) => pieces(key, values).join("");

// A code of the tables in words: those of the page where it has them, else its own.
const sayCode = (kind, [code, shown]) => (findWords(`${kind}_${code}`) ? say(`${kind}_${code}`) : shown);
const explainCode = (kind, [code]) => (findWords(`${kind}_${code}_means`) ? say(`${kind}_${code}_means`) : "");
const asCode = (code) => [code.replaceAll(" ", "_"), code.replaceAll("_", " ")];
