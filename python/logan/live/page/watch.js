const WINDOWS = ["1m", "5m", "1h", "all"];
let current = new URLSearchParams(location.search).get("window");
if (!WINDOWS.includes(current)) current = "5m";
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

function timeline(points, step) {
  const width = Math.max(320, byId("timeline").clientWidth || 1000), height = 190, left = 52, right = 60, low = 150;
  const wide = (width - left - right) / Math.max(1, points.length);
  const most = Math.max(1, ...points.map((each) => each.records));
  const slow = Math.max(0, ...points.map((each) => each.p95 || 0));
  const svg = drawing("svg", { viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": "records, errors and p95 over time; the table below has the figures" });
  svg.append(drawing("line", { class: "axis", x1: left, x2: width - right, y1: low, y2: low }));
  const line = [];
  points.forEach((each, index) => {
    const x = left + index * wide, gap = wide > 3 ? 1 : 0;
    const bar = (value, kind) => {
      const tall = value ? Math.max(1, (value / most) * (low - 14)) : 0;
      const made = drawing("rect",
        { class: kind, x, y: low - tall, width: Math.max(0.5, wide - gap), height: tall });
      made.append(drawing("title", {}, `${clock(each.t)}: ${count.format(value)} ${kind}`));
      svg.append(made);
    };
    bar(each.records, "records");
    if (each.errors) bar(each.errors, "errors");
    const y = low - ((each.p95 || 0) / (slow || 1)) * (low - 20);
    if (each.p95 !== null) line.push([x + wide / 2, y]); else line.push(null);
  });
  let path = "", pen = false;
  line.forEach((each, index) => {
    if (each === null) { pen = false; return; }
    path += `${pen ? "L" : "M"}${each[0].toFixed(1)} ${each[1].toFixed(1)}`;
    if (!pen && line[index + 1] == null) {
      svg.append(drawing("circle", { class: "dot", cx: each[0], cy: each[1], r: 2.5 }));
    }
    pen = true;
  });
  svg.append(drawing("path", { class: "times", d: path || "M0 0" }));
  const label = (x, y, text, anchor) =>
    svg.append(drawing("text", { x, y, "text-anchor": anchor }, text));
  label(left - 6, 18, count.format(most), "end");
  label(left - 6, low, "0", "end");
  if (slow) label(width - right + 6, 24, `${Math.round(slow)} ms`, "start");
  if (points.length) {
    label(left, low + 18, clock(points[0].t), "start");
    label(width - right, low + 18, clock(points[points.length - 1].t + step), "end");
  }
  label(width / 2, low + 34, "bars: records, errors · line: p95", "middle");
  byId("timeline").replaceChildren(svg);
  table("points", points.filter((each) => each.records).reverse(), [
    ["time (UTC)", (row) => clock(row.t), "short"],
    ["records", (row) => count.format(row.records), "number"],
    ["errors", (row) => (row.errors === null ? "–" : count.format(row.errors)), "number"],
    ["p95 in ms", (row) => (row.p95 === null ? "–" : row.p95.toFixed(1)), "number"],
  ], "no records");
}

const level = (row) => (row.level === "WARN" ? "warning" : "bad");

function show(board) {
  heard = Date.now();
  const logs = board.logs.map((each) => (each === "-" ? "standard input" : each));
  byId("logs").textContent = logs.length > 3 ? `${logs.length} logs` : logs.join(", ");
  const state = byId("state");
  state.className = "";
  state.textContent = `live · ${board.at} UTC` +
    (board.behind > 1048576 ? ` · ${count.format(board.behind)} bytes behind` : "") +
    (board.out_of_order ? ` · ${count.format(board.out_of_order)} out of order` : "");
  const verdict = byId("verdict");
  verdict.className = board.tone;
  if (verdict.textContent !== board.verdict) verdict.textContent = board.verdict;
  document.title = `${board.tone === "bad" ? "● " : ""}${board.verdict} – logan`;
  byId("findings").replaceChildren(...board.findings
    .filter((each) => each.text !== board.verdict && each.kind !== "message_new").map((each) => {
      const kind = each.is_over ? "over" : each.is_new ? "new" : "still";
      const line = element("li");
      line.append(element("span", kind, `mark ${each.is_over ? "" : "warning"}`), each.text);
      return line;
    }));
  byId("facts").replaceChildren(...board.facts.map(([value, label]) => {
    const fact = element("div");
    fact.append(element("dt", label), element("dd", value));
    return fact;
  }));
  byId("timeline-title").textContent = board.step < 60
    ? `Timeline, a bar for ${board.step} s` : `Timeline, a bar for ${board.step / 60} min`;
  timeline(board.points, board.step);
  byId("hosts-section").hidden = !board.hosts.length;
  table("hosts", board.hosts, [
    ["host", (row) => row.host],
    ["state", (row) => row.state, "", (row) => row.tone],
    ["logs", (row) => count.format(row.logs), "number"],
    ["counted", (row) => row.counted, "number"],
    ["behind", (row) => row.behind, "number"],
    ["last line", (row) => row.last, "number"],
  ], "none");
  table("routes", board.routes, [
    ["requests", (row) => count.format(row.requests), "number"],
    ["errors", (row) => (row.errors === null ? "–" : count.format(row.errors)), "number",
      (row) => (row.errors ? "bad" : "")],
    ["mean", (row) => row.mean, "number"],
    ["p95", (row) => row.p95, "number"],
    ["route", (row) => row.route],
  ], "no requests in this window");
  table("new", board.new, [
    ["first (UTC)", (row) => row.at, "short"],
    ["level", (row) => row.level, "short", level],
    ["count", (row) => row.count, "number"],
    ["message", (row) => row.text],
  ], "none");
  table("messages", board.messages, [
    ["count", (row) => count.format(row.count), "number"],
    ["level", (row) => row.level, "short", level],
    ["last", (row) => row.last, "short"],
    ["message", (row) => row.text],
  ], "no error messages in this window");
  const tones = { firing: "bad", pending: "warning", ok: "good" };
  table("alerts", board.alerts, [
    ["state", (row) => row.state, "short", (row) => tones[row.state]],
    ["alert", (row) => row.text],
  ], "no alert is set: --alert 'errors.ratio over 1m > 5%'");
  table("events", board.events, [
    ["time (UTC)", (row) => row.at, "short"],
    ["", (row) => row.text, "", (row) => row.tone],
  ], "nothing");
}

function connect() {
  if (source) source.close();
  source = new EventSource(`/events?window=${current}`);
  source.onmessage = (event) => show(JSON.parse(event.data));
  for (const button of byId("windows").children) {
    button.setAttribute("aria-pressed", String(button.textContent === current));
  }
}

for (const name of WINDOWS) {
  const button = element("button", name);
  button.type = "button";
  button.addEventListener("click", () => { current = name; connect(); });
  byId("windows").append(button);
}
connect();
setInterval(check, 1000);
