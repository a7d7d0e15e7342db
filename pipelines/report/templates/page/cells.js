// The counts of the store, unpacked: see pipelines/report/cells.py for what they are.
const CUBE = { feedback: 0, mentions: 1, assigned: 2, themes: 3 };
// Nobody of a segment, or fewer than may be shown: which of the two is not told.
const FEW = { n: [0, 0, 0, 0], voices: 0, isFew: true };
const VIEWS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };

const inflate = async (data) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
};

const unpackCells = async ({ layout, data }) => {
  const buffer = await inflate(data);
  const tables = {};
  let place = 0;
  for (const [table, column, width, length] of layout) {
    const end = place + width * length;
    (tables[table] ??= {})[column] = new VIEWS[width](buffer.slice(place, end));
    place = end;
  }
  return tables;
};

class Counts {
  constructor(facts, tables) {
    const { themes, groups, noise, sources, langs, segments } = facts;
    this.firstGroup = CUBE.themes + themes.length;
    this.firstNoise = this.firstGroup + groups.length;
    this.firstUnassigned = this.firstNoise + noise.length;
    this.sizes = [sources.length + 1, langs.length + 1, segments.length + 1, facts.periods.length];
    this.periods = facts.periods;
    Object.assign(this, tables);
    this.places = this.index(this.cells, ["source", "lang"]);
    this.again = this.index(this.repeats, ["source", "lang"]);
    this.bySegment = this.index(this.segments, ["source", "lang", "segment", "period"]);
  }

  // Rows are in the order of their keys: each key has one stretch of them.
  index(table, names) {
    const stretches = new Map();
    const columns = names.map((name) => table[name]);
    for (let row = 0, last = -1; row < table.cube.length; row += 1) {
      let key = table.cube[row];
      columns.forEach((column, place) => { key = key * this.sizes[place] + column[row]; });
      if (key !== last) stretches.set(key, [row, row]);
      stretches.get(key)[1] = row + 1;
      last = key;
    }
    return stretches;
  }

  find(stretches, cube, keys) {
    return stretches.get(keys.reduce((key, part, place) => key * this.sizes[place] + part, cube)) ?? [0, 0];
  }

  // Four counts and the voices of a cube in a slice: `{source, lang, segment, period, from, to}`;
  // 0 is all sources, languages and segments, and weeks are counted from 1.
  count(cube, slice) {
    if (slice.segment) return this.countSegment(cube, slice);
    const n = [0, 0, 0, 0];
    let voices = 0;
    const [start, end] = this.find(this.places, cube, [slice.source, slice.lang]);
    const { week, n0, n1, n2, n3 } = this.cells;
    for (let row = start; row < end; row += 1) {
      if (week[row] < slice.from || week[row] > slice.to) continue;
      n[0] += n0[row];
      n[1] += n1[row];
      n[2] += n2[row];
      n[3] += n3[row];
      voices += this.cells.voices[row];
    }
    const { earlier, week: later, voices: spoke } = this.repeats;
    const [first, last] = this.find(this.again, cube, [slice.source, slice.lang]);
    for (let row = first; row < last; row += 1) {
      if (earlier[row] >= slice.from && later[row] <= slice.to) voices -= spoke[row];
    }
    return { n, voices };
  }

  countSegment(cube, { source, lang, segment, period }) {
    const [row, end] = this.find(this.bySegment, cube, [source, lang, segment, period]);
    if (row === end) return FEW;
    const { n0, n1, n2, n3, voices } = this.segments;
    return { n: [n0[row], n1[row], n2[row], n3[row]], voices: voices[row] };
  }

  // Voices by week, without what has no date.
  weekly(cube, { source, lang }) {
    const found = new Map();
    const [start, end] = this.find(this.places, cube, [source, lang]);
    for (let row = start; row < end; row += 1) {
      if (this.cells.week[row]) found.set(this.cells.week[row], this.cells.voices[row]);
    }
    return found;
  }
}
const rated = ({ n }) => n[0] + n[1] + n[2];
const spoken = ({ n }) => n[0] + n[1] + n[2] + n[3];
const balance = (counts) => (counts.n[2] - counts.n[0]) / Math.max(rated(counts), 1);
