// The live parts of the console's pages: figures and plots from server-sent events, countdowns, local times.
//
// A page says what it has: body[data-events] the stream, [data-page] its own address; [data-figure][data-as] one figure and how it is
// written; .plot[data-series="name:as …"] a plot, and details.table beside it the same as a table;
// [data-renew] with an id: fetched anew after changes, and every body[data-renew-seconds].
"use strict";
{
  const WINDOW_S = 300;
  const live = document.querySelector(".live");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Figures -------------------------------------------------------------------------------------------------

  const rate = (n) => n.toFixed(n > 0 && n < 10 ? 1 : 0);
  const size = (n, digits) => {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    for (; n >= 1000 && unit < units.length - 1; unit += 1) n /= 1000;
    return `${n.toFixed(unit ? digits : 0)} ${units[unit]}`;
  };
  const written = {
    rate,
    count: String,
    share: (n) => `${Math.round(Math.min(Math.max(n, 0), 1) * 100)} %`,
    bytes: (n) => `${size(n, 1)}/s`,
  };
  const write = (as, n) => (n === null || n === undefined ? "–" : written[as](n));
  const show = (figures) => {
    for (const item of document.querySelectorAll("[data-figure]"))
      item.textContent = write(item.dataset.as, figures[item.dataset.figure]);
  };

  // Plots ---------------------------------------------------------------------------------------------------

  // The seconds shown, oldest first, as they were sent.
  const kept = [];
  const keep = (figures) => {
    const time = Date.parse(figures.time) / 1000;
    if (!Number.isFinite(time) || time <= (kept.at(-1)?.seconds ?? 0)) return;
    kept.push({ ...figures, seconds: time });
    while (kept[0].seconds < time - WINDOW_S) kept.shift();
  };
  // Each kind of figure has its own scale and words on the axis.
  const SCALES = {
    rate: { least: 10, label: (n) => String(n) },
    bytes: { least: 1000, label: (n) => size(n, 1).replace(".0 ", " ") },
    share: { least: 1, most: 1, label: (n) => `${Math.round(n * 100)} %` },
  };
  const DASHES = [undefined, [6, 5], [2, 4]];
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

  const plotIn = (frame) => {
    const series = frame.dataset.series.split(" ").map((text) => text.split(":"));
    const scales = [...new Set(series.map(([, as]) => as))];
    const columns = () => [
      kept.map((second) => second.seconds),
      ...series.map(([name]) => kept.map((second) => second[name] ?? null)),
    ];
    const make = () => {
      frame.replaceChildren();
      const soft = style("--soft"), line = style("--line");
      const colours = [style("--accent"), style("--warn"), soft];
      const axis = { stroke: soft, font: `12px ${style("--sans")}`, ticks: { stroke: line }, grid: { stroke: line, width: 1 } };
      const range = ({ least, most }) => (_, __, high) => [0, most ?? Math.max(least, (high ?? 0) * 1.15)];
      return new uPlot(
        {
          width: frame.clientWidth,
          height: frame.clientHeight,
          legend: { show: false },
          cursor: { drag: { x: false, y: false } },
          scales: {
            x: { time: true, range: (_, __, last) => [last - WINDOW_S, last] },
            ...Object.fromEntries(scales.map((as) => [as, { range: range(SCALES[as]) }])),
          },
          axes: [
            { ...axis, grid: { show: false }, incrs: [60, 120], space: 55, values: (_, ticks) => ticks.map(clock) },
            ...scales.map((as, i) => ({
              ...axis, scale: as, side: i ? 1 : 3, size: as === "bytes" ? 70 : 58,
              grid: i ? { show: false } : axis.grid, values: (_, ticks) => ticks.map(SCALES[as].label),
            })),
          ],
          series: [
            {},
            ...series.map(([, as], i) => ({
              scale: as, stroke: colours[i], width: 2, dash: DASHES[i], points: { show: false }, spanGaps: false,
              fill: i ? undefined : style("--wash"),
            })),
          ],
        },
        columns(),
        frame,
      );
    };
    let plot = null;
    const draw = () => {
      if (!kept.length) return;
      if (plot) plot.setData(columns());
      else plot = make();
    };
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      plot?.destroy();
      plot = null;
      draw();
    });
    new ResizeObserver(() => plot?.setSize({ width: frame.clientWidth, height: frame.clientHeight })).observe(frame);

    // The same as a table, for who cannot see the plot; filled only while it is open.
    const table = frame.parentElement.querySelector("details.table");
    const fill = () => {
      if (!table?.open) return;
      const rows = [];
      for (let i = kept.length - 1; i >= 0 && rows.length < 12; i -= 5) {
        const row = document.createElement("tr");
        row.insertCell().textContent = new Date(kept[i].seconds * 1000).toLocaleTimeString();
        for (const [name, as] of series) row.insertCell().textContent = write(as, kept[i][name]);
        rows.push(row);
      }
      table.querySelector("tbody").replaceChildren(...rows);
    };
    table?.addEventListener("toggle", fill);
    return () => {
      draw();
      fill();
    };
  };
  const plots = [...document.querySelectorAll(".plot[data-series]")].map(plotIn);
  const draw = () => plots.forEach((plot) => plot());

  // Events --------------------------------------------------------------------------------------------------

  const say = (text, state) => {
    if (live.textContent !== text) live.textContent = text;
    live.className = `live ${state}`;
  };
  const events = new EventSource(document.body.dataset.events);
  events.addEventListener("figures", (event) => {
    const figures = JSON.parse(event.data);
    say("Live", "on");
    keep(figures);
    if (document.hidden) return;
    show(figures);
    draw();
  });
  events.addEventListener("history", (event) => {
    JSON.parse(event.data).forEach(keep);
    draw();
  });
  events.addEventListener("changed", () => renew());
  events.addEventListener("error", () => {
    const closed = events.readyState === EventSource.CLOSED;
    say(closed ? "Not connected. Reload this page." : "Connection lost. Trying again…", "off");
  });

  // Fetches this page anew and takes over what is not live.
  const renew = async () => {
    const answer = await fetch(document.body.dataset.page, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-renew]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
    }
    localise();
    count();
  };

  const every = Number(document.body.dataset.renewSeconds);
  if (every) setInterval(() => document.hidden || renew(), every * 1000);

  // Times ---------------------------------------------------------------------------------------------------

  const localise = () => {
    for (const time of document.querySelectorAll("time[data-local]")) {
      time.title = time.textContent;
      const timeStyle = "seconds" in time.dataset ? "medium" : "short";
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle });
      time.removeAttribute("data-local");
    }
  };
  const two = (n) => String(n).padStart(2, "0");
  const left = (s) => {
    if (s >= 86400) return `${Math.floor(s / 86400)} d ${two(Math.floor(s / 3600) % 24)} h ${two(Math.floor(s / 60) % 60)} min`;
    if (s >= 3600) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min ${two(s % 60)} s`;
    return s >= 60 ? `${Math.floor(s / 60)} min ${two(s % 60)} s` : `${s} s`;
  };
  // The server's clock decides: the page's difference to it is kept from the moment it was made.
  const skew = Date.parse(document.body.dataset.now) - performance.timeOrigin;
  let ended = false;
  const count = () => {
    const now = Date.now() + (Math.abs(skew) > 5000 ? skew : 0);
    for (const item of document.querySelectorAll("[data-until]")) {
      const seconds = Math.ceil((Date.parse(item.dataset.until) - now) / 1000);
      const text = seconds > 0 ? left(seconds) : "ending now";
      if (item.textContent !== text) item.textContent = text;
      if (seconds <= 0 && !ended) {
        ended = true;
        setTimeout(() => renew().then(() => (ended = false)), 1500);
      }
    }
  };
  localise();
  count();
  setInterval(count, 1000);
}
