// What the tables say in sentences. They come whole, with their evidence, so that all of them can be
// checked against the store: earful report --verify.
const stories = new Map();
const readStories = async () => {
  const claims = JSON.parse(new TextDecoder().decode(await inflate(JSON.parse(byId("claims").textContent))));
  for (const story of claims.stories) stories.set(storyKey(story.lang, story.kind, story.subject), story);
};
const storyKey = (...parts) => JSON.stringify(parts);

// The words of a story, neighbours of one topic a paragraph, and its quotes.
const tellStory = (kind, subject) => {
  const story = stories.get(storyKey(wording.lang, kind, subject));
  const paragraphs = [];
  const quotes = [];
  let topic;
  for (const { template, text: words } of story?.sentences ?? []) {
    // What belongs to a q stays in its line.
    const text = words.replace(/\b([pq]) ([=<]) /g, "$1\u00a0$2\u00a0");
    const next = SETTINGS.topics[template];
    if (next === "quote") quotes.push(h("blockquote", {}, text));
    else if (next === topic) paragraphs.at(-1).append(` ${text}`);
    else paragraphs.push(h("p", {}, text));
    topic = next;
  }
  return paragraphs.length ? { words: h("div", { class: "story" }, paragraphs), quotes } : null;
};
const storySection = (kind, subject) => {
  const story = tellStory(kind, subject);
  return story ? h("div", {}, story.words, story.quotes.length ? h("div", { class: "told-quotes" }, story.quotes) : null) : null;
};
