"use strict";
// Charts, sorting and filtering of a saved report. Everything readable is in the page already; this
// adds to it, and writes text only as text nodes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const NONE = "–";
  const make = (name, attributes, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // --- Numbers as the page writes them -----------------------------------------------------------

  const digits = (value) => {
    const size = Math.abs(value);
    if (!size) return "0";
    const places = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    return value.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  };
  const count = (value) => (value == null ? NONE : Math.round(value).toLocaleString("en-US"));
  const duration = (ms) => {
    if (ms == null) return NONE;
    if (!ms) return "0 ms";
    if (ms < 0.9995) return `${digits(ms * 1e3)} µs`;
    if (ms < 999.5) return `${digits(ms)} ms`;
    if (ms < 120000) return `${digits(ms / 1e3)} s`;
    return ms < 7200000 ? `${digits(ms / 60000)} min` : `${digits(ms / 3600000)} h`;
  };
  const short = (value) => {
    for (const [letter, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
      if (Math.abs(value) >= size) return `${+(value / size).toFixed(2)}${letter}`;
    }
    return `${+value.toFixed(2)}`;
  };
  const shortTime = (ms) => {
    const three = (value) => +value.toPrecision(3);
    if (ms >= 60000) return `${three(ms / 60000)} min`;
    if (ms >= 999.5) return `${three(ms / 1000)} s`;
    return ms >= 0.9995 || !ms ? `${three(ms)} ms` : `${three(ms * 1e3)} µs`;
  };
  const two = (value) => String(value).padStart(2, "0");
  const day = (at) => `${at.getUTCFullYear()}-${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}`;
  const clock = (at) => `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const moment = (seconds) => {
    const at = new Date(seconds * 1e3);
    return `${day(at)} ${clock(at)}`;
  };

  // --- Charts ------------------------------------------------------------------------------------

  const plots = [];
  const whole = data.charts.length ? data.range : null;
  let zoomed = null;
  let zooming = false;

  const zoom = (min, max) => {
    if (zooming || !whole) return;
    zooming = true;
    const all = min == null || (min <= whole[0] && max >= whole[1]);
    zoomed = all ? null : [Math.max(min, whole[0]), Math.min(max, whole[1])];
    const [low, high] = zoomed || whole;
    for (const { plot } of plots) plot.setScale("x", { min: low, max: high });
    for (const button of document.querySelectorAll(".reset")) button.hidden = !zoomed;
    const told = document.getElementById("zoomed");
    if (told) told.textContent = zoomed ? `${moment(low)} → ${moment(high)}` : "";
    zooming = false;
  };

  const timeAxis = () => ({
    stroke: () => color("--dim"),
    grid: { stroke: () => color("--line"), width: 1 },
    ticks: { stroke: () => color("--line"), width: 1 },
    font: "12px system-ui, sans-serif",
    space: 84,
    size: whole && whole[1] - whole[0] > 86400 ? 44 : 30,
    values: (_, splits, __, ___, step) => {
      let last = "";
      return splits.map((each) => {
        const at = new Date(each * 1e3);
        const text = step >= 86400 ? day(at) : step >= 60 ? clock(at).slice(0, 5) : clock(at);
        if (step < 86400 && day(at) !== last && whole[1] - whole[0] > 86400) {
          last = day(at);
          return `${text}\n${last.slice(5)}`;
        }
        return text;
      });
    },
  });
  // Counts are whole: no line at one and a half.
  const wholeSteps = [];
  for (let ten = 1; ten < 1e15; ten *= 10) wholeSteps.push(ten, 2 * ten, 5 * ten);
  const valueAxis = (format) => ({
    stroke: () => color("--dim"),
    grid: { stroke: () => color("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
    size: 62,
    values: (_, splits) => splits.map((each) => (each == null ? "" : format(each))),
  });

  const legendOf = (box, chart) => (plot) => {
    const index = plot.cursor.idx;
    const parts = [];
    if (index != null && chart.t[index] != null) {
      parts.push(make("b", {}, moment(chart.t[index])));
    }
    chart.series.forEach((each, at) => {
      const format = each.unit === "ms" ? duration : count;
      const shown = index == null ? "" : ` ${format(chart.values[at][index])}`;
      const item = make("span", {});
      item.append(make("span", { class: `key k-${each.key}`, "aria-hidden": "true" }), each.label + shown);
      parts.push(item);
    });
    box.replaceChildren(...parts);
  };

  const lines = (box, chart, width) => {
    const isTime = chart.series[0].unit === "ms";
    const stepped = uPlot.paths.stepped({ align: 1 });
    const options = {
      width,
      height: chart.height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
      legend: { show: false },
      cursor: { sync: { key: "logan" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      scales: {
        x: { time: true, range: () => zoomed || whole },
        y: isTime && chart.log
          ? { distr: 3, range: (_, low, high) => uPlot.rangeLog(low || 1, Math.max(high, 1), 10, true) }
          : { range: (_, low, high) => [0, (high || 1) * 1.06] },
      },
      axes: [timeAxis(), isTime ? valueAxis(shortTime) : { ...valueAxis(short), incrs: wholeSteps }],
      series: [{}, ...chart.series.map((each) => ({
        label: each.label,
        stroke: () => color(each.color),
        width: 1.5,
        fill: each.fill ? () => `${color(each.color)}55` : undefined,
        paths: each.fill ? stepped : undefined,
        points: { show: chart.t.length < 3 },
        spanGaps: false,
      }))],
      hooks: hooksOf(box, chart),
    };
    return new uPlot(options, [chart.t, ...chart.values], box.plot);
  };

  const hooksOf = (box, chart) => ({
    setCursor: [legendOf(box.legend, chart)],
    setSelect: [(plot) => {
      if (plot.select.width > 3) {
        const low = plot.posToVal(plot.select.left, "x");
        zoom(low, plot.posToVal(plot.select.left + plot.select.width, "x"));
      }
      plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    }],
  });

  const heat = (box, chart, width) => {
    const rows = chart.bounds.length - 1;
    const most = Math.max(1, ...chart.cells.map((row) => Math.max(0, ...row)));
    const draw = (plot) => {
      const { ctx, bbox } = plot;
      const from = color("--heat-0").split(" ").map(Number);
      const to = color("--heat-1").split(" ").map(Number);
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      chart.t.forEach((t, index) => {
        const left = plot.valToPos(t, "x", true);
        const right = plot.valToPos(t + chart.step, "x", true);
        if (right < bbox.left || left > bbox.left + bbox.width) return;
        for (let row = 0; row < rows; row += 1) {
          const n = chart.cells[index][row];
          if (!n) continue;
          const share = Math.log1p(n) / Math.log1p(most);
          const mixed = from.map((each, at) => Math.round(each + (to[at] - each) * share));
          ctx.fillStyle = `rgb(${mixed.join(" ")})`;
          const top = plot.valToPos(row + 1, "y", true);
          const bottom = plot.valToPos(row, "y", true);
          ctx.fillRect(left, top, Math.max(1, right - left + 0.5), bottom - top + 0.5);
        }
      });
      ctx.restore();
    };
    const legend = (plot) => {
      const { idx, top } = plot.cursor;
      const parts = [];
      if (idx != null && top >= 0) {
        const row = Math.min(rows - 1, Math.max(0, Math.floor(plot.posToVal(top, "y"))));
        parts.push(make("b", {}, moment(chart.t[idx])));
        const range = `${shortTime(chart.bounds[row])} – ${shortTime(chart.bounds[row + 1])}`;
        parts.push(make("span", {}, `${range}: ${count(chart.cells[idx][row])}`));
      } else {
        parts.push(make("span", {}, "the stronger the color, the more requests"));
      }
      box.legend.replaceChildren(...parts);
    };
    const every = Math.max(1, Math.ceil(rows / 7));
    const options = {
      width,
      height: chart.height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "UTC"),
      legend: { show: false },
      cursor: { sync: { key: "logan" }, drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: { x: { time: true, range: () => zoomed || whole }, y: { range: () => [0, rows] } },
      axes: [timeAxis(), {
        ...valueAxis((each) => shortTime(chart.bounds[Math.round(each)] ?? 0)),
        splits: () => chart.bounds.map((_, at) => at).filter((at) => at % every === 0),
      }],
      series: [{}, { stroke: "transparent", points: { show: false } }],
      hooks: { ...hooksOf(box, chart), setCursor: [legend], draw: [draw] },
    };
    return new uPlot(options, [chart.t, chart.t.map(() => 0)], box.plot);
  };

  const rowsOf = (chart) => {
    if (chart.kind === "heat") {
      const titles = chart.bounds.slice(1).map((high, at) => `${shortTime(chart.bounds[at])} – ${shortTime(high)}`);
      return [["time", ...titles], chart.t.map((t, at) => [moment(t), ...chart.cells[at].map(count)])];
    }
    const cell = (each, at, index) =>
      (each.unit === "ms" ? duration : count)(chart.values[at][index]);
    return [
      ["time", ...chart.series.map((each) => each.label)],
      chart.t.map((t, index) => [moment(t), ...chart.series.map((each, at) => cell(each, at, index))]),
    ];
  };

  // A table of thousands of rows is made only for the reader who asks for it.
  const fill = (details, chart) => {
    if (details.querySelector("table")) return;
    const [titles, rows] = rowsOf(chart);
    const head = make("tr", {}, ...titles.map((each, at) => make("th", { scope: "col", class: at ? "n" : "" }, each)));
    const body = rows.map((row) => make("tr", {}, ...row.map((each, at) => make("td", { class: at ? "n" : "" }, each))));
    const table = make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
    details.append(make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": chart.title }, table));
  };

  const onKey = (event) => {
    if (!whole) return;
    const [low, high] = zoomed || whole;
    const span = high - low;
    const moves = {
      ArrowLeft: [low - span / 5, high - span / 5],
      ArrowRight: [low + span / 5, high + span / 5],
      "+": [low + span / 5, high - span / 5],
      "=": [low + span / 5, high - span / 5],
      "-": [low - span / 3, high + span / 3],
      "0": [null, null],
      Escape: [null, null],
    };
    if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    let [min, max] = moves[event.key];
    if (min != null && event.key.startsWith("Arrow")) {
      if (!zoomed) return;
      const shift = Math.max(whole[0] - min, 0) - Math.max(max - whole[1], 0);
      [min, max] = [min + shift, max + shift];
    }
    zoom(min, max);
  };

  const draw = () => {
    data.charts.forEach((chart, at) => {
      const holder = document.getElementById(`chart-${at}`);
      const box = { plot: holder.querySelector(".plot"), legend: holder.querySelector(".legend") };
      const width = Math.max(200, box.plot.clientWidth);
      const plot = (chart.kind === "heat" ? heat : lines)(box, chart, width);
      plots.push({ plot, box, chart });
      plot.over.addEventListener("dblclick", () => zoom(null, null));
      box.plot.addEventListener("keydown", onKey);
      const details = holder.querySelector("details");
      details.addEventListener("toggle", () => details.open && fill(details, chart));
      if (chart.kind === "heat") plot.hooks.setCursor[0](plot);
      else legendOf(box.legend, chart)(plot);
    });
  };

  const resize = () => {
    for (const { plot, box, chart } of plots) {
      const width = Math.max(200, box.plot.clientWidth);
      if (width !== plot.width) plot.setSize({ width, height: chart.height });
    }
  };
  const redraw = () => plots.forEach(({ plot }) => plot.redraw(false));

  if (whole) {
    draw();
    let waiting = 0;
    addEventListener("resize", () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(resize);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    const print = matchMedia("print");
    print.addEventListener("change", () => { resize(); redraw(); });
    addEventListener("beforeprint", () => { resize(); redraw(); });
    addEventListener("afterprint", () => { resize(); redraw(); });
    for (const button of document.querySelectorAll(".reset")) button.addEventListener("click", () => zoom(null, null));
  }

  // --- Tables ------------------------------------------------------------------------------------

  const valueOf = (cell) => {
    const value = cell.dataset.v;
    return value === undefined ? cell.textContent : value === "" ? null : Number(value);
  };
  const compare = (one, other) => {
    if (one === null || other === null) return (one === null) - (other === null);
    return typeof one === "number" ? other - one : one.localeCompare(other, "en");
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const numbers = head.classList.contains("n");
        const now = head.getAttribute("aria-sort");
        const first = numbers ? "descending" : "ascending";
        const second = numbers ? "ascending" : "descending";
        const next = now === first ? second : first;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        const rows = [...body.rows];
        const keyed = rows.map((row) => [valueOf(row.cells[column]), row]);
        keyed.sort(([one], [other]) => compare(one, other) * (next === first || one === null || other === null ? 1 : -1));
        body.append(...keyed.map(([, row]) => row));
      });
    });
  }
  for (const input of document.querySelectorAll("input.filter")) {
    const table = document.getElementById(input.dataset.table);
    const told = document.getElementById(`${input.dataset.table}-shown`);
    input.hidden = false;
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      told.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length} rows` : "";
    });
  }
  for (const button of document.querySelectorAll("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  document.documentElement.dataset.ready = "1";
})();
