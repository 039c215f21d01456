// One episode, whole: its problem, every turn with what was said of it, pictures, and its tokens.

class EpisodeDetail {
  constructor(element, episodes) {
    this.element = element;
    this.episodes = episodes;
    this.view = "text";
    this.number = null;
  }

  /** Show an episode. Of several that are asked for at once the last one stays. */
  async show(number) {
    this.number = number;
    const [detail, traces] = await Promise.all([
      this.episodes.detail(number),
      this.episodes.traces(number),
    ]);
    if (this.number !== number) return;
    this.body = make("div", "body");
    this.element.replaceChildren(
      this.drawHead(number, detail),
      this.drawViews(detail, traces),
      this.body,
    );
    this.element.scrollTop = 0;
    this.drawBody(detail, traces);
  }

  drawHead(number, detail) {
    const { index } = this.episodes;
    const solved = index.solved[number];
    const key = index.key[number];
    const link = make("a", "", key);
    link.href = `#t-${key}`;
    const facts = [
      ["Outcome", this.episodes.name("outcome", number)],
      ["Reward", formatNumber(index.reward[number])],
      ["Tokens", formatNumber(index.tokens[number])],
      ["Turns", formatNumber(index.turns[number])],
      ["Ended", detail.stop.replaceAll("_", " ")],
      ["Environment", this.episodes.name("env", number)],
      ["Policy", this.episodes.name("policy", number)],
      ["From", this.episodes.name("source", number)],
      ["Task", detail.task],
      ["Sample", detail.sample],
      ["Difficulty", detail.difficulty || null],
      ["Seconds", detail.seconds],
      ["Weights", detail.version],
      ["Seed", detail.seed],
      ["Link", link],
    ];
    const list = make("dl", "facts");
    for (const [name, value] of facts) {
      if (value === "" || value === null || value === undefined) continue;
      const shown = typeof value === "number" ? formatNumber(value) : value;
      list.append(make("div", "", make("dt", "", name), make("dd", "", shown)));
    }
    const words = { right: "Solved", wrong: "Not solved", unjudged: "Not judged" }[KINDS.get(solved)];
    const verdict = make("p", `verdict ${KINDS.get(solved)}`, `${MARKS.get(solved)} ${words}`);
    const error = detail.error ? make("pre", "error", detail.error) : null;
    return make("header", "", verdict, list, error);
  }

  drawViews(detail, traces) {
    const has = (name) => traces !== null && traces.some((trace) => trace[name]?.length > 0);
    const views = [
      ["text", "Text", true],
      ["logprobs", "Tokens by log-probability", has("logprobs")],
      ["advantages", "Tokens by advantage", has("advantages")],
    ];
    if (!views.some(([name, , open]) => open && name === this.view)) this.view = "text";
    const row = make("fieldset", "views", make("legend", "", "Show"));
    for (const [name, label, open] of views) {
      const input = make("input", "");
      Object.assign(input, { type: "radio", name: "view", value: name, disabled: !open });
      input.checked = name === this.view;
      input.addEventListener("change", () => {
        this.view = name;
        this.drawBody(detail, traces);
      });
      row.append(make("label", open ? "" : "closed", input, make("span", "", label)));
    }
    return row;
  }

  drawBody(detail, traces) {
    if (this.view === "text") this.body.replaceChildren(...this.drawText(detail));
    else this.body.replaceChildren(...drawTokens(this.episodes, this.number, traces, this.view));
  }

  drawText(detail) {
    const parts = [make("h3", "", "Problem")];
    for (const message of detail.prompt) parts.push(this.drawMessage(message));
    if (detail.reference) parts.push(labelled("Reference", detail.reference));
    const film = new Map();
    for (const [turn, picture, words] of detail.film) {
      if (!film.has(turn)) film.set(turn, []);
      film.get(turn).push([picture, words]);
    }
    let last = detail.prompt.at(-1)?.text;
    detail.turns.forEach((turn, number) => {
      const several = detail.turns.length > 1;
      parts.push(make("h3", "", several ? `Turn ${number + 1}` : "Answer"));
      if (turn.observation && turn.observation !== last)
        parts.push(labelled("Observation", turn.observation));
      last = turn.observation;
      parts.push(...this.drawTurn(turn, film.get(number) ?? []));
    });
    const after = film.get(detail.turns.length) ?? [];
    if (after.length > 0) parts.push(make("h3", "", "At the end"), this.drawPictures(after));
    if (detail.messages) {
      const count = detail.messages.length;
      const summary = make("summary", "", `The whole conversation, ${formatNumber(count)} messages`);
      const whole = make("details", "conversation", summary);
      whole.append(...detail.messages.map((message) => this.drawMessage(message)));
      whole.open = detail.messages.some((message) => message.role === "tool");
      parts.push(whole);
    }
    return parts;
  }

  drawTurn(turn, pictures) {
    const parts = [];
    if (pictures.length > 0) parts.push(this.drawPictures(pictures));
    if (turn.written) parts.push(labelled("The policy wrote", turn.written, "policy"));
    const label = turn.round ? "An answer before the last one" : turn.written ? "Action" : "";
    parts.push(labelled(label, turn.action || "(empty)", "policy"));
    if (turn.heard) parts.push(labelled("It heard", turn.heard));
    const words = [];
    if (turn.reward !== null) words.push(`reward ${formatNumber(turn.reward)}`);
    words.push(...turn.end);
    const said = turn.verdict;
    if (said) {
      words.unshift(`${said.correct ? "✓" : "✗"} ${said.outcome.replaceAll("_", " ")}`);
      for (const [name, value] of said.parts) words.push(`${name} ${formatNumber(value)}`);
    }
    const kind = said ? (said.correct ? "right" : "wrong") : "";
    parts.push(make("p", `judged ${kind}`, words.join(" · ")));
    if (said?.feedback) parts.push(labelled("Feedback", said.feedback));
    if (said?.detail) parts.push(labelled("Detail, for people only", said.detail));
    return parts;
  }

  drawMessage(message) {
    const box = labelled(message.role, message.text, message.role === "assistant" ? "policy" : "");
    if (message.pictures)
      box.append(this.drawPictures(message.pictures.map((picture) => [picture, ""])));
    return box;
  }

  drawPictures(pictures) {
    const strip = make("div", "pictures");
    for (const [picture, words] of pictures) {
      const source = picture === null ? null : this.episodes.picture(picture);
      const figure = make("figure", "");
      if (source === null) figure.append(make("p", "empty", "This picture is left out."));
      else {
        const image = make("img", "");
        image.src = source;
        image.alt = visible(words) || "A picture";
        figure.append(image);
      }
      if (words) figure.append(make("figcaption", "", words));
      strip.append(figure);
    }
    return strip;
  }
}

/** Return a text in a box with a label; no label where there is none. */
function labelled(label, text, kind = "") {
  const head = label ? make("p", "label", label) : null;
  return make("div", `box ${kind}`, head, make("pre", "", text));
}
