// The tokens of an episode, coloured by a number that each of them has.

const SURPRISE_LEVELS = [0.05, 0.2, 0.7, 1.6, 3.0]; // nats
const SURPRISE_WORDS = ["≥ 95 %", "≥ 82 %", "≥ 50 %", "≥ 20 %", "≥ 5 %", "< 5 %"];

/** Return the class of a token by its log-probability: 0 is sure, 5 is a surprise. */
function classifyLogprob(value) {
  const level = SURPRISE_LEVELS.findIndex((limit) => -value <= limit);
  return `p${level < 0 ? SURPRISE_LEVELS.length : level}`;
}

/** Return the class of a token by its advantage, as a share of the largest of the episode. */
function classifyAdvantage(value, largest) {
  if (value === 0 || largest === 0) return "a0";
  return `${value > 0 ? "g" : "b"}${Math.ceil((3 * Math.abs(value)) / largest)}`;
}

function drawTokens(episodes, number, traces, view) {
  const all = traces.flatMap((trace) => trace[view] ?? []);
  const largest = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const about = make("p", "pointed", "Point at a token, or touch it, for its numbers.");
  about.setAttribute("role", "status");
  const parts = [drawLegend(view, largest / 1000), about];
  traces.forEach((trace, place) => {
    if (traces.length > 1) parts.push(make("h3", "", `Stream ${place + 1}`));
    const stream = make("pre", "tokens");
    const facts = drawStream(stream, episodes, number, trace, view, largest);
    const point = (event) => {
      const token = event.target.closest("[data-at]");
      if (token !== null) about.textContent = visible(facts[Number(token.dataset.at)]);
    };
    stream.addEventListener("pointerover", point);
    stream.addEventListener("click", point);
    parts.push(stream);
    if (trace.cut) parts.push(make("p", "empty", `${formatNumber(trace.cut)} more tokens.`));
  });
  return parts;
}

/** Fill the element of a stream, and return what is to be said of each token that was written. */
function drawStream(stream, episodes, number, trace, view, largest) {
  const facts = [];
  let at = 0;
  let written = 0;
  let line = document.createDocumentFragment();
  trace.runs.forEach((length, run) => {
    const ids = trace.ids.slice(at, at + length);
    if (run % 2 === 0) {
      if (length > 0)
        line.append(make("span", "read", ids.map((id) => episodes.readToken(number, id)).join("")));
    } else {
      for (const id of ids) {
        const text = episodes.readToken(number, id);
        const value = (trace[view]?.[written] ?? 0) / 1000;
        const kind =
          view === "logprobs" ? classifyLogprob(value) : classifyAdvantage(value, largest / 1000);
        const token = make("span", kind, text.replaceAll("\n", "↵\n"));
        token.dataset.at = written;
        facts.push(describeToken(text, id, trace, written));
        line.append(token);
        written += 1;
      }
    }
    at += length;
  });
  stream.append(line);
  return facts;
}

function describeToken(text, id, trace, written) {
  const words = [`${JSON.stringify(text)}, token ${id}`];
  const logprob = trace.logprobs?.[written];
  if (logprob !== undefined) {
    const share = 100 * Math.exp(logprob / 1000);
    words.push(`log-probability ${(logprob / 1000).toFixed(3)} (${share.toFixed(1)} %)`);
  }
  const advantage = trace.advantages?.[written];
  if (advantage !== undefined) words.push(`advantage ${(advantage / 1000).toFixed(3)}`);
  return words.join(" · ");
}

function drawLegend(view, largest) {
  const legend = make("p", "token-legend");
  if (view === "logprobs") {
    legend.append("Probability ");
    SURPRISE_WORDS.forEach((words, level) => legend.append(make("span", `p${level}`, words), " "));
  } else {
    legend.append("Advantage ");
    for (const [kind, value] of [["b3", -largest], ["a0", 0], ["g3", largest]])
      legend.append(make("span", kind, formatNumber(value)), " ");
  }
  legend.append(make("span", "read", "read, not written"));
  return legend;
}
