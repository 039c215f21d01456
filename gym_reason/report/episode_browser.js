// Puts list, filters and detail together.

const FILTER_NAMES = ["text", "source", "env", "policy", "outcome", "low", "high", "order"];
const PAUSE_MS = 150;

class EpisodeBrowser {
  constructor(section, episodes) {
    this.section = section;
    this.episodes = episodes;
    this.form = section.querySelector("form");
    this.status = section.querySelector("[role=status]");
    this.detail = new EpisodeDetail(section.querySelector(".detail .inner"), episodes);
    const choose = (number) => this.choose(number);
    this.list = new EpisodeList(section.querySelector("[role=listbox]"), episodes, choose);
    this.searches = 0;
    for (const name of ["source", "env", "policy", "outcome"]) this.fillSelect(name);
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.filter(), PAUSE_MS);
    });
    this.form.addEventListener("reset", () => setTimeout(() => this.filter(), 0));
    section.querySelector(".back").addEventListener("click", () => this.goBack());
    addEventListener("hashchange", () => this.follow());
  }

  /** Offer the values of a column; the whole filter goes where there is one value only. */
  fillSelect(name) {
    const select = this.form.elements[name];
    const values = this.episodes.index.names[name];
    values.forEach((value, number) => {
      const option = make("option", "", value || "(none)");
      option.value = number;
      select.append(option);
    });
    select.closest("label").hidden = values.length < 2;
  }

  read() {
    return Object.fromEntries(FILTER_NAMES.map((name) => [name, this.form.elements[name].value]));
  }

  /** Show what passes the filters; a search fills the list as it goes. */
  async filter() {
    const filters = this.read();
    this.searches += 1;
    const search = this.searches;
    if (filters.text === "") {
      this.show(this.episodes.select(filters, null));
      return;
    }
    const matches = new Set();
    let searched = 0;
    let drawn = 0;
    for await (const found of this.episodes.search(filters.text)) {
      if (search !== this.searches) return;
      found.forEach((number) => matches.add(number));
      searched += this.episodes.index.block;
      if (searched < this.episodes.count && performance.now() - drawn > 200) {
        this.show(this.episodes.select(filters, matches), searched);
        drawn = performance.now();
      }
    }
    this.show(this.episodes.select(filters, matches));
  }

  show(numbers, searched = null) {
    this.list.show(numbers);
    const { count } = this.episodes;
    const of = `${formatNumber(numbers.length)} of ${formatNumber(count)} episodes`;
    const { index } = this.episodes;
    const judged = numbers.filter((number) => index.solved[number] !== null);
    const solved = judged.filter((number) => index.solved[number]).length;
    const share = judged.length > 0 ? `, ${((100 * solved) / judged.length).toFixed(1)} % solved` : "";
    const looked = searched === null ? "" : `, searched ${formatNumber(Math.min(searched, count))}`;
    this.status.textContent = `${of}${share}${looked}`;
    this.section.classList.toggle("nothing", numbers.length === 0);
  }

  choose(number) {
    this.section.classList.add("reading");
    const key = this.episodes.index.key[number];
    try {
      history.replaceState(null, "", `#t-${key}`);
    } catch {
      // Some viewers of files allow no such change; the link in the episode is there all the same.
    }
    return this.detail.show(number);
  }

  /** Show the episode that the address names; return whether there is one. */
  follow() {
    const number = this.episodes.numbers.get(location.hash.replace(/^#t-/, ""));
    if (!location.hash.startsWith("#t-") || number === undefined) return false;
    if (!this.list.numbers.includes(number)) {
      this.form.reset();
      this.searches += 1;
      this.show(this.episodes.select(this.read(), null));
    }
    this.list.select(this.list.numbers.indexOf(number));
    this.section.scrollIntoView();
    return true;
  }

  goBack() {
    this.section.classList.remove("reading");
    this.list.element.focus({ preventScroll: true });
    this.section.scrollIntoView();
  }
}

async function startBrowser() {
  const section = document.getElementById("episodes");
  if (section === null) return;
  try {
    const browser = new EpisodeBrowser(section, await Episodes.open());
    section.querySelector(".browser").hidden = false;
    section.querySelector(".waiting").remove();
    await browser.filter();
    if (!browser.follow()) await browser.detail.show(browser.list.numbers[0]);
  } catch (error) {
    section.querySelector(".waiting").textContent = `The episodes cannot be unpacked: ${error}`;
    throw error;
  }
}

startBrowser();
