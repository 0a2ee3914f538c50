// How often people agree with the model, by week, with the range that so few decisions leave open.

import { animation, axis, colour, legend, line, show } from "./charts.js";

const configure = (points) => ({
  type: "line",
  data: {
    labels: points.map((point) => point.name),
    datasets: [
      {
        ...line("Agreement", points.map((point) => point.share), "accent"),
        clip: 12, pointRadius: 5, pointHitRadius: 8, pointBackgroundColor: colour("accent"),
      },
      line("95 % range", points.map((point) => point.low), "faint", [3, 4]),
      { ...line("", points.map((point) => point.high), "faint", [3, 4]) },
    ],
  },
  options: {
    animation: animation(),
    maintainAspectRatio: false,
    scales: { x: axis("Week of the decision"), y: axis("Labels that stood (%)", { min: 0, max: 100 }) },
    plugins: {
      legend: { ...legend(), labels: { ...legend().labels, filter: (item) => item.text } },
      tooltip: {
        filter: (item) => item.datasetIndex === 0,
        callbacks: { label: (item) => `${item.formattedValue} % of ${points[item.dataIndex].decided}` },
      },
    },
  },
});

show("agreement", configure);
