// The mood of one conversation as a line chart.

import { animation, axis, colour, legend, line, show } from "./charts.js";

function messages(points) {
  const tones = points.map((point) => colour(point.band));
  return {
    label: "Message",
    clip: 12, // points at -1 and +1 are shown whole
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

const options = (points) => ({
  animation: animation(),
  maintainAspectRatio: false,
  interaction: { mode: "index", intersect: true },
  scales: {
    x: axis("Visitor message"),
    y: axis("Mood score (−1 to +1)", { min: -1, max: 1 }),
  },
  plugins: {
    legend: legend(),
    tooltip: {
      callbacks: {
        title: ([item]) => `Message ${points[item.dataIndex].number}, ${points[item.dataIndex].time}`,
        label: (item) => describe(points[item.dataIndex], item),
      },
    },
  },
  onClick: (_, [hit]) => hit && showMessage(points[hit.index].seq),
  onHover: (event, hits) => { event.native.target.style.cursor = hits.length ? "pointer" : ""; },
});

function showMessage(seq) {
  location.hash = `message-${seq}`;
  document.getElementById(`message-${seq}`)?.focus();
}

const configure = (points) => ({
  type: "line",
  data: { labels: points.map((point) => point.number), datasets: datasets(points) },
  options: options(points),
});

show("mood", configure);
