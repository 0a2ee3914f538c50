// How many messages visitors wrote in each period, by mood, and which share of them was negative.

import { animation, axis, colour, legend, line, show } from "./charts.js";

const SIDES = [["Negative", "very-negative"], ["Neutral", "neutral"], ["Positive", "very-positive"]];

const bars = (points) => SIDES.map(([name, tone], side) => ({
  type: "bar", label: name, data: points.map((point) => point.sides[side]), stack: "messages",
  backgroundColor: colour(tone), borderColor: colour("card"), borderWidth: 1, order: 2,
  pointStyle: "rect",
}));

const share = (points) => ({
  ...line("Share negative", points.map((point) => point.share), "ink", [4, 3]),
  type: "line", yAxisID: "share", order: 1, pointRadius: 2, pointBackgroundColor: colour("ink"),
  pointStyle: "line", spanGaps: false,
});

/** Where the bar that an event found leads to: the hours have no list. */
const behind = (points, [first]) => first && points[first.index].address;

const configure = (points) => ({
  data: { labels: points.map((point) => point.name), datasets: [...bars(points), share(points)] },
  options: {
    animation: animation(),
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: axis("When the message was written", { stacked: true }),
      y: axis("Messages", { stacked: true, beginAtZero: true, ticks: { precision: 0, color: colour("faint") } }),
      share: axis("Share negative (%)", { position: "right", min: 0, max: 100, grid: { display: false } }),
    },
    plugins: { legend: { ...legend(), labels: { color: colour("ink"), usePointStyle: true } } },
    onClick: (event, found) => { if (behind(points, found)) location.assign(behind(points, found)); },
    onHover: (event, found) => { event.native.target.style.cursor = behind(points, found) ? "pointer" : ""; },
  },
});

show("volume", configure);
