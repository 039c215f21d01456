// Reads a chart off at the place that is pointed at or touched: the values of its nearest step.

/** Return the words of the dots of each curve that are nearest to a place across the picture. */
function readNearest(svg, clientX) {
  const box = svg.getBoundingClientRect();
  const x = ((clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
  const words = [];
  for (const group of svg.querySelectorAll("g.raw")) {
    let nearest = null;
    let least = Infinity;
    for (const dot of group.children) {
      const distance = Math.abs(Number(dot.getAttribute("cx")) - x);
      if (distance < least) [nearest, least] = [dot, distance];
    }
    for (const dot of group.children) dot.classList.toggle("read-off", dot === nearest);
    if (nearest !== null) words.push(nearest.textContent);
  }
  return words;
}

function readOff(event) {
  const svg = event.target.closest?.("figure.chart > svg");
  if (!svg) return;
  const words = readNearest(svg, event.clientX);
  if (words.length === 0) return;
  let line = svg.parentElement.querySelector(".read-off-line");
  if (line === null) {
    line = make("p", "read-off-line");
    svg.parentElement.append(line);
  }
  line.textContent = words.join("; ");
}

document.addEventListener("pointermove", readOff, { passive: true });
document.addEventListener("pointerdown", readOff, { passive: true });
