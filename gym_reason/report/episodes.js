// The episodes that the page holds: an index, and blocks that are unpacked when they are needed.
// Whatever a policy wrote is data here: it becomes text nodes, never markup.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const MOST_HAYSTACK_CHARACTERS = 50_000_000;

/** Return text in which characters that would hide or reorder others are shown by their codes. */
function visible(text) {
  return text.replace(HIDDEN, (character) => {
    if (character === "\n" || character === "\t") return character;
    return `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Return a number as people read it; a dash where there is none. */
function formatNumber(value) {
  if (value === null || value === undefined) return "–";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** Return a number with what it counts: "1 turn", "2 turns". */
function countWords(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Return an element; children that are texts become text, with hidden characters shown. */
function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  for (const child of children) {
    if (child === null || child === undefined) continue;
    element.append(typeof child === "string" ? visible(child) : child);
  }
  return element;
}

/** Return the value of a block: JSON under gzip, as base64. */
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

function readElement(id) {
  const element = document.getElementById(id);
  return element === null ? null : element.textContent;
}

/** Return everything that a search looks through of one episode. */
function writeHaystack(detail) {
  const parts = [detail.task, detail.reference, detail.error ?? ""];
  for (const message of [...detail.prompt, ...(detail.messages ?? [])]) parts.push(message.text);
  for (const turn of detail.turns) {
    parts.push(turn.observation, turn.action, turn.written, turn.heard ?? "");
    if (turn.verdict) parts.push(turn.verdict.feedback, turn.verdict.detail);
  }
  return parts.join("\n").toLowerCase();
}

class Episodes {
  constructor(index) {
    this.index = index;
    this.count = index.key.length;
    this.blocks = Math.ceil(this.count / index.block);
    this.unpacked = new Map();
    this.haystacks = new Map();
    this.haystackCharacters = 0;
    this.numbers = new Map(index.key.map((key, number) => [key, number]));
  }

  static async open() {
    return new Episodes(await unpack(readElement("episodes-index")));
  }

  /** Return a name that stands in the index as a number: of "source", "env", "policy", "outcome". */
  name(column, number) {
    return this.index.names[column][this.index[column][number]];
  }

  async block(kind, number) {
    const id = `episodes-${kind}-${number}`;
    let found = this.unpacked.get(id);
    if (found === undefined) {
      const text = readElement(id);
      found = text === null ? null : await unpack(text);
      this.unpacked.set(id, found);
      // The oldest goes: what was looked at before is quickly unpacked again.
      if (this.unpacked.size > 12) this.unpacked.delete(this.unpacked.keys().next().value);
    }
    return found;
  }

  async detail(number) {
    const block = await this.block("texts", Math.floor(number / this.index.block));
    return block[number % this.index.block];
  }

  /** Return the token streams of an episode; null where the page has no room for them. */
  async traces(number) {
    const block = await this.block("tokens", Math.floor(number / this.index.block));
    return block === null ? null : block[number % this.index.block];
  }

  /** Return what a token reads as: its text, or its number where the text is not known. */
  readToken(number, id) {
    const vocabulary = this.index.vocabularies[this.index.vocabulary[number]];
    return vocabulary?.[id] ?? `⟨${id}⟩`;
  }

  picture(number) {
    const element = document.getElementById(`episodes-picture-${number}`);
    if (element === null) return null;
    return `data:${element.dataset.kind};base64,${element.textContent}`;
  }

  async haystack(block) {
    let found = this.haystacks.get(block);
    if (found === undefined) {
      found = (await unpack(readElement(`episodes-texts-${block}`))).map(writeHaystack);
      const size = found.reduce((sum, text) => sum + text.length, 0);
      if (this.haystackCharacters + size <= MOST_HAYSTACK_CHARACTERS) {
        this.haystackCharacters += size;
        this.haystacks.set(block, found);
      }
    }
    return found;
  }

  /** Yield the numbers of the episodes of one block after the other that hold a text. */
  async *search(words) {
    const wanted = words.toLowerCase();
    for (let block = 0; block < this.blocks; block += 1) {
      const haystacks = await this.haystack(block);
      const found = [];
      haystacks.forEach((text, place) => {
        if (text.includes(wanted)) found.push(block * this.index.block + place);
      });
      yield found;
    }
  }

  /** Return the numbers of the episodes that pass the filters, in the order asked for. */
  select(filters, matches) {
    const { index } = this;
    const low = filters.low === "" ? -Infinity : Number(filters.low);
    const high = filters.high === "" ? Infinity : Number(filters.high);
    const bounded = filters.low !== "" || filters.high !== "";
    const named = ["source", "env", "policy", "outcome"].filter((name) => filters[name] !== "all");
    const chosen = [];
    for (let number = 0; number < this.count; number += 1) {
      if (matches !== null && !matches.has(number)) continue;
      if (named.some((name) => index[name][number] !== Number(filters[name]))) continue;
      const reward = index.reward[number];
      if (bounded && (reward === null || reward < low || reward > high)) continue;
      chosen.push(number);
    }
    const [column, sign] = ORDERS[filters.order] ?? [null, 1];
    if (column !== null) {
      chosen.sort((a, b) => sign * ((index[column][a] ?? 0) - (index[column][b] ?? 0)) || a - b);
    }
    return chosen;
  }
}

const ORDERS = {
  best: ["reward", -1],
  worst: ["reward", 1],
  longest: ["tokens", -1],
  shortest: ["tokens", 1],
};
