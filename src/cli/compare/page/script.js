"use strict";
// Buttons switch the curves of a method off and on, in all figures.
for (const button of document.querySelectorAll(".switches button")) {
  button.addEventListener("click", () => {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on);
    for (const series of document.querySelectorAll(`.series[data-m="${button.dataset.m}"]`)) series.classList.toggle("off", !on);
  });
}

// One row at a time.
const rows = [...document.querySelectorAll("section.row")];
const choice = document.getElementById("row");
if (choice) {
  const show = () => rows.forEach(row => { row.style.display = row.id === "row-" + choice.value ? "" : "none"; });
  choice.addEventListener("change", show);
  show();
}

// The nearest point of a curve under the pointer, in numbers.
const tip = document.getElementById("tip");
const seconds = s => s < 1e-3 ? (1e6 * s).toFixed(0) + " µs" : s < 1 ? (1e3 * s).toPrecision(3) + " ms" : s.toPrecision(3) + " s";
for (const chart of document.querySelectorAll(".chart")) {
  const [x, y] = [chart.dataset.x, chart.dataset.y].map(text => text.split(",").map(Number));
  const number = ([from, to, start, end], at) => 10 ** (from + (at - start) / (end - start) * (to - from));
  const points = [...chart.querySelectorAll(".curve")].flatMap(curve =>
    curve.getAttribute("d").slice(1).split("L").map(p => p.split(" ").map(Number)).map(([a, b]) => [a, b, curve]));
  chart.addEventListener("pointermove", event => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    let [near, found] = [18 ** 2, null];
    for (const point of points) {
      const away = (point[0] - place.x) ** 2 + (point[1] - place.y) ** 2;
      if (away < near && !point[2].parentNode.classList.contains("off")) [near, found] = [away, point];
    }
    tip.hidden = !found;
    if (!found) return;
    const at = number(x, found[0]);
    const when = chart.dataset.kind === "time" ? seconds(at) : Math.round(at) + " passes";
    tip.textContent = `${found[2].dataset.m}: gap ${number(y, found[1]).toExponential(1)} after ${when}`;
    tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = event.clientY - 30 + "px";
  });
  chart.addEventListener("pointerleave", () => { tip.hidden = true; });
}

// For those who wait for the page.
document.documentElement.dataset.ready = "yes";
