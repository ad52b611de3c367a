// The overview's live parts: figures and plot from server-sent events, countdowns, local times.
"use strict";
{
  const WINDOW_S = 300;
  const live = document.querySelector(".live");
  const frame = document.querySelector(".plot");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Figures -------------------------------------------------------------------------------------------------

  const rate = (n) => n.toFixed(n > 0 && n < 10 ? 1 : 0);
  const share = (n) => (n === null ? "–" : `${Math.round(Math.min(Math.max(n, 0), 1) * 100)} %`);
  const bytes = (n) => {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    for (; n >= 1000 && unit < units.length - 1; unit += 1) n /= 1000;
    return `${n.toFixed(unit ? 1 : 0)} ${units[unit]}/s`;
  };
  const show = (figures) => {
    const texts = {
      requests: rate(figures.requests_per_second),
      share: share(figures.hit_share),
      traffic: bytes(figures.bytes_per_second),
      connections: String(figures.open_connections),
      blocked: rate(figures.blocked_per_second),
    };
    for (const [name, text] of Object.entries(texts)) document.getElementById(name).textContent = text;
  };

  // Plot ----------------------------------------------------------------------------------------------------

  // Columns for uPlot: seconds since the epoch, requests per second, cache share in percent.
  const columns = [[], [], []];
  let plot = null;

  const keep = (figures) => {
    const time = Date.parse(figures.time) / 1000;
    if (!Number.isFinite(time) || time <= (columns[0].at(-1) ?? 0)) return;
    const row = [time, figures.requests_per_second, figures.hit_share === null ? null : figures.hit_share * 100];
    row.forEach((value, i) => columns[i].push(value));
    while (columns[0][0] < time - WINDOW_S) for (const column of columns) column.shift();
  };
  const draw = () => {
    if (!columns[0].length) return;
    if (plot) plot.setData(columns);
    else plot = newPlot();
  };
  const newPlot = () => {
    frame.replaceChildren();
    const soft = style("--soft"), line = style("--line"), accent = style("--accent"), warn = style("--warn");
    const font = `12px ${style("--sans")}`;
    const axis = { stroke: soft, font, ticks: { stroke: line }, grid: { stroke: line, width: 1 } };
    const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return new uPlot(
      {
        width: frame.clientWidth,
        height: frame.clientHeight,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: {
          x: { time: true, range: (_, __, last) => [last - WINDOW_S, last] },
          y: { range: (_, __, most) => [0, Math.max(10, (most ?? 0) * 1.15)] },
          share: { range: [0, 100] },
        },
        axes: [
          { ...axis, grid: { show: false }, incrs: [60, 120], space: 55, values: (_, ticks) => ticks.map(clock) },
          { ...axis, size: 60 },
          { ...axis, scale: "share", side: 1, size: 55, grid: { show: false }, values: (_, ticks) => ticks.map((t) => `${t} %`) },
        ],
        series: [
          {},
          { stroke: accent, fill: style("--wash"), width: 2, points: { show: false } },
          { stroke: warn, scale: "share", width: 2, dash: [6, 5], points: { show: false }, spanGaps: false },
        ],
      },
      columns,
      frame,
    );
  };
  const redraw = () => {
    plot?.destroy();
    plot = null;
    draw();
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => plot?.setSize({ width: frame.clientWidth, height: frame.clientHeight })).observe(frame);

  // The same as a table, for who cannot see the plot; filled only while it is open.
  const table = document.querySelector("#table");
  const fill = () => {
    if (!table.open) return;
    const rows = [];
    for (let i = columns[0].length - 1; i >= 0 && rows.length < 12; i -= 5) {
      const row = document.createElement("tr");
      const percent = columns[2][i];
      for (const text of [
        new Date(columns[0][i] * 1000).toLocaleTimeString(),
        rate(columns[1][i]),
        share(percent === null ? null : percent / 100),
      ]) row.insertCell().textContent = text;
      rows.push(row);
    }
    table.querySelector("tbody").replaceChildren(...rows);
  };
  table.addEventListener("toggle", fill);

  // Events --------------------------------------------------------------------------------------------------

  const say = (text, state) => {
    if (live.textContent !== text) live.textContent = text;
    live.className = `live ${state}`;
  };
  const events = new EventSource("/api/v1/events/live");
  events.addEventListener("figures", (event) => {
    const figures = JSON.parse(event.data);
    say("Live", "on");
    keep(figures);
    if (document.hidden) return;
    show(figures);
    draw();
    fill();
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
    const answer = await fetch("/", { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-renew]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.innerHTML !== part.innerHTML) part.replaceChildren(...other.childNodes);
    }
    localise();
    count();
  };

  // Times ---------------------------------------------------------------------------------------------------

  const localise = () => {
    for (const time of document.querySelectorAll("time[data-local]")) {
      time.title = time.textContent;
      time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
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
