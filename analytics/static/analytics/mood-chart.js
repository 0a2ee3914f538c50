// The mood of one conversation as a line chart, redrawn when the colours of the page change.

const canvas = document.getElementById("mood-chart");
const data = document.getElementById("mood-points");
const save = document.getElementById("save-chart");

/** A colour of the page, by its custom property. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const title = (text) => ({ display: true, text, color: colour("faint") });

const axis = (text, more = {}) => ({
  title: title(text),
  grid: { color: colour("line") },
  ticks: { color: colour("faint") },
  ...more,
});

function messages(points) {
  const tones = points.map((point) => colour(point.band));
  return {
    label: "Message",
    data: points.map((point) => point.score),
    borderColor: colour("faint"),
    borderWidth: 2,
    cubicInterpolationMode: "monotone",
    pointBackgroundColor: tones,
    pointBorderColor: points.map((point, i) => (point.strongest ? colour("ink") : tones[i])),
    pointBorderWidth: points.map((point) => (point.strongest ? 3 : 1)),
    pointRadius: points.map((point) => (point.strongest || point.corrected ? 8 : 5)),
    pointHoverRadius: 10,
    pointStyle: points.map((point) => (point.corrected ? "rectRot" : "circle")),
  };
}

const line = (label, values, tone, dash) => ({
  label, data: values, borderColor: colour(tone), borderWidth: 2, borderDash: dash, pointRadius: 0,
  pointHitRadius: 0, spanGaps: true,
});

function datasets(points) {
  const sets = [messages(points), line("Smoothed", points.map((point) => point.smoothed), "link", [6, 4])];
  if (points.some((point) => point.other !== null)) {
    sets.push(line("Read with the other context", points.map((point) => point.other), "attention", [2, 3]));
  }
  return sets;
}

function describe(point, item) {
  if (item.datasetIndex > 0) return `${item.dataset.label}: ${item.formattedValue}`;
  const label = `${point.label} ${Math.round(point.confidence * 100)} %`;
  return `${label}${point.corrected ? ", corrected by a person" : ""}, score ${item.formattedValue}`;
}

function options(points) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    animation: still ? false : { duration: 300 },
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: true },
    scales: {
      x: axis("Visitor message"),
      y: axis("Mood score (−1 to +1)", { min: -1, max: 1 }),
    },
    plugins: {
      legend: { position: "bottom", labels: { color: colour("ink"), usePointStyle: true, pointStyle: "line" } },
      tooltip: {
        callbacks: {
          title: ([item]) => `Message ${points[item.dataIndex].number}, ${points[item.dataIndex].time}`,
          label: (item) => describe(points[item.dataIndex], item),
        },
      },
    },
    onClick: (_, [hit]) => hit && showMessage(points[hit.index].seq),
    onHover: (event, hits) => { event.native.target.style.cursor = hits.length ? "pointer" : ""; },
  };
}

function showMessage(seq) {
  location.hash = `message-${seq}`;
  document.getElementById(`message-${seq}`)?.focus();
}

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

function draw(points) {
  return new window.Chart(canvas, {
    type: "line",
    data: { labels: points.map((point) => point.number), datasets: datasets(points) },
    options: options(points),
    plugins: [background],
  });
}

function saveAs(name) {
  canvas.toBlob((picture) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(picture);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

if (canvas && data) {
  const points = JSON.parse(data.textContent);
  let chart = draw(points);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    chart.destroy();
    chart = draw(points);
  });
  save.hidden = false;
  save.addEventListener("click", () => saveAs("mood.png"));
}
