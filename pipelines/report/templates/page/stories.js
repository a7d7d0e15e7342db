// What the tables say in sentences. They come whole, with their evidence, so that all of them can be
// checked against the store: earful report --verify.
const stories = new Map();
const readStories = async () => {
  const claims = JSON.parse(new TextDecoder().decode(await inflate(JSON.parse(byId("claims").textContent))));
  for (const story of claims.stories) stories.set(storyKey(story.lang, story.kind, story.subject), story);
};
const storyKey = (...parts) => JSON.stringify(parts);

// Quotes are left out: they stand beside it, as blockquotes.
const tellStory = (kind, subject) => {
  const story = stories.get(storyKey(wording.lang, kind, subject));
  const sentences = (story?.sentences ?? []).filter(({ template }) => !template.startsWith("quote"));
  return sentences.length ? h("ul", { class: "story" }, sentences.map(({ text }) => h("li", {}, text))) : null;
};
