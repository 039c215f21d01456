// The list: only the rows in sight are in the document, so that its length costs nothing.

const ROW_HEIGHT = 60;
const ROWS_BEYOND = 4;
const MARKS = new Map([[true, "✓"], [false, "✗"], [null, "·"]]);
const KINDS = new Map([[true, "right"], [false, "wrong"], [null, "unjudged"]]);

class EpisodeList {
  /** `choose` is called with an episode's number when a person selects it. */
  constructor(element, episodes, choose) {
    this.element = element;
    this.episodes = episodes;
    this.choose = choose;
    this.numbers = [];
    this.selected = -1;
    this.space = make("div", "space");
    element.append(this.space);
    element.addEventListener("scroll", () => this.drawSoon(), { passive: true });
    element.addEventListener("keydown", (event) => this.onKey(event));
    element.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.drawSoon()).observe(element);
  }

  /** Show episodes, in order; the one that was selected stays so where it is among them. */
  show(numbers) {
    const kept = this.numbers[this.selected];
    this.numbers = numbers;
    this.selected = kept === undefined ? -1 : numbers.indexOf(kept);
    this.space.style.height = `${numbers.length * ROW_HEIGHT}px`;
    this.element.scrollTop = Math.min(this.element.scrollTop, numbers.length * ROW_HEIGHT);
    this.draw();
  }

  /** Select the episode at a place in the list, bring it in sight and tell who listens. */
  select(place) {
    if (this.numbers.length === 0) return;
    this.selected = Math.max(0, Math.min(place, this.numbers.length - 1));
    const top = this.selected * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight)
      this.element.scrollTop = top + ROW_HEIGHT - clientHeight;
    this.draw();
    this.choose(this.numbers[this.selected]);
  }

  onClick(event) {
    const row = event.target.closest(".row");
    if (row !== null) this.select(Number(row.dataset.place));
  }

  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 1);
    const places = {
      ArrowDown: this.selected + 1,
      j: this.selected + 1,
      ArrowUp: this.selected - 1,
      k: this.selected - 1,
      PageDown: this.selected + page,
      PageUp: this.selected - page,
      Home: 0,
      End: this.numbers.length - 1,
    };
    if (!(event.key in places)) return;
    event.preventDefault();
    this.select(places[event.key]);
  }

  drawSoon() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - ROWS_BEYOND);
    const beyond = Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + ROWS_BEYOND;
    const rows = [];
    for (let place = first; place < Math.min(beyond, this.numbers.length); place += 1)
      rows.push(this.drawRow(place));
    this.space.replaceChildren(...rows);
    const shown = this.selected >= first && this.selected < beyond;
    if (shown) this.element.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  drawRow(place) {
    const { index } = this.episodes;
    const number = this.numbers[place];
    const solved = index.solved[number];
    const tokens = index.tokens[number];
    const facts = [
      this.episodes.name("outcome", number).replaceAll("_", " "),
      `reward ${formatNumber(index.reward[number])}`,
      tokens > 0 ? countWords(tokens, "token") : countWords(index.turns[number], "turn"),
      this.episodes.name("source", number),
    ];
    const row = make(
      "div",
      "row",
      make("span", `mark ${KINDS.get(solved)}`, MARKS.get(solved)),
      make("span", "title", index.title[number] || "(empty)"),
      make("span", "facts", facts.join(" · ")),
    );
    row.id = `row-${place}`;
    row.dataset.place = place;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(place === this.selected));
    row.setAttribute("aria-setsize", this.numbers.length);
    row.setAttribute("aria-posinset", place + 1);
    row.style.top = `${place * ROW_HEIGHT}px`;
    return row;
  }
}
