// The mood of one conversation as a line chart, redrawn when the colours of the page change.

const canvas = document.getElementById("mood-chart");
const data = document.getElementById("mood-points");

/** A colour of the page, by its custom property. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const title = (text) => ({ display: true, text, color: colour("faint") });

const axis = (text, more = {}) => ({
  title: title(text),
  grid: { color: colour("line") },
  ticks: { color: colour("faint") },
  ...more,
});

function datasets(points) {
  const tones = points.map((point) => colour(point.band));
  return [{
    data: points.map((point) => point.score),
    borderColor: colour("faint"),
    borderWidth: 2,
    cubicInterpolationMode: "monotone",
    pointBackgroundColor: tones,
    pointBorderColor: tones,
    pointRadius: points.map((point) => (point.corrected ? 8 : 5)),
    pointHoverRadius: 9,
    pointStyle: points.map((point) => (point.corrected ? "rectRot" : "circle")),
  }];
}

function describe(point) {
  const label = `${point.label} ${Math.round(point.confidence * 100)} %`;
  return point.corrected ? `${label}, corrected by a person` : label;
}

function options(points) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    animation: still ? false : { duration: 300 },
    maintainAspectRatio: false,
    scales: {
      x: axis("Visitor message"),
      y: axis("Mood score (−1 to +1)", { min: -1, max: 1 }),
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        callbacks: {
          title: ([item]) => `Message ${points[item.dataIndex].number}, ${points[item.dataIndex].time}`,
          label: (item) => `${describe(points[item.dataIndex])}, score ${item.formattedValue}`,
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

function draw(points) {
  return new window.Chart(canvas, {
    type: "line",
    data: { labels: points.map((point) => point.number), datasets: datasets(points) },
    options: options(points),
  });
}

if (canvas && data) {
  const points = JSON.parse(data.textContent);
  let chart = draw(points);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    chart.destroy();
    chart = draw(points);
  });
}
