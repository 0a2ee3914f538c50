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

/**
 * Draw a chart now, and again when the colours of the page change; `name` is the picture's file.
 * `configure(points)` gives Chart.js its configuration from the points beside the canvas.
 */
export function show(canvas, points, configure, name) {
  const draw = () => {
    const configuration = configure(points);
    return new window.Chart(canvas, { ...configuration, plugins: [background] });
  };
  let chart = draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    chart.destroy();
    chart = draw();
  });
  const save = document.getElementById("save-chart");
  save.hidden = false;
  save.addEventListener("click", () => saveAs(canvas, name));
}
