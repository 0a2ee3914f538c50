// What the charts share: colours of the page, axes, a drawing that follows the theme, pictures.

/** A colour of the page, by its custom property. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export const axis = (text, more = {}) => ({
  title: { display: true, text, color: colour("faint") },
  grid: { color: colour("line") },
  ticks: { color: colour("faint") },
  ...more,
});

export const legend = () => ({
  position: "bottom",
  labels: { color: colour("ink"), usePointStyle: true, pointStyle: "line" },
});

/** A line without points of its own. */
export const line = (label, data, tone, dash = []) => ({
  label, data, borderColor: colour(tone), borderWidth: 2, borderDash: dash, pointRadius: 0,
  pointHitRadius: 0, spanGaps: true,
});

export const animation = () => (
  matchMedia("(prefers-reduced-motion: reduce)").matches ? false : { duration: 300 }
);

/** A picture is read on paper and in mails too, so it gets the card's colour behind it. */
const background = {
  id: "background",
  beforeDraw({ ctx, width, height }) {
    ctx.save();
    ctx.fillStyle = colour("card");
    ctx.fillRect(0, 0, width, height);
    ctx.restore();
  },
};

function saveAs(canvas, name) {
  canvas.toBlob((picture) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(picture);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

/** Chart.js keeps the chart it has drawn on a canvas, so nothing is kept here. */
const drawn = (canvas) => window.Chart.getChart(canvas);

function draw(canvas, configuration) {
  drawn(canvas)?.destroy();
  new window.Chart(canvas, { ...configuration, plugins: [background] });
}

function follow(canvas, { data, options }) {
  const chart = drawn(canvas);
  Object.assign(chart, { data, options });
  chart.update("none");
}

function offerPicture(name) {
  const save = document.getElementById("save-chart");
  save.hidden = false;
  save.onclick = () => saveAs(document.getElementById(`${name}-chart`), `${name}.png`);
}

/**
 * Draw the chart `name` now, again when the colours of the page change, and follow its points when
 * the page is renewed. `configure(points)` gives Chart.js its configuration from the points that
 * stand beside the canvas.
 */
export function show(name, configure) {
  let shown = null; // the points as text
  const look = ({ anew = false } = {}) => {
    const canvas = document.getElementById(`${name}-chart`);
    const points = document.getElementById(`${name}-points`)?.textContent;
    if (!canvas || !points) return;
    if (anew || !drawn(canvas)) draw(canvas, configure(JSON.parse(points)));
    else if (points !== shown) follow(canvas, configure(JSON.parse(points)));
    shown = points;
    offerPicture(name);
  };
  look();
  document.addEventListener("renewed", () => look());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => look({ anew: true }));
}
