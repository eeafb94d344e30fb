function show(state) {
  heard = Date.now();
  byId("address").textContent = state.address;
  const line = byId("state");
  line.className = "";
  line.textContent = `live · ${state.at} UTC · up ${state.uptime}`;
  const verdict = byId("verdict");
  verdict.className = state.tone;
  if (verdict.textContent !== state.verdict) verdict.textContent = state.verdict;
  document.title = `${state.tone === "bad" ? "● " : ""}${state.verdict} – logan coordinator`;
  byId("facts").replaceChildren(...state.facts.map(([value, label]) => {
    const fact = element("div");
    fact.append(element("dt", label), element("dd", value));
    return fact;
  }));
  table("workers", state.workers, [
    ["worker", (row) => row.name],
    ["state", (row) => row.state, "short", (row) => row.tone],
    ["speed", (row) => row.speed, "number"],
    ["chunks", (row) => count.format(row.chunks), "number"],
    ["lost", (row) => count.format(row.lost), "number", (row) => (row.lost ? "bad" : "")],
    ["memory", (row) => row.memory, "number"],
    ["CPU", (row) => row.cpu, "number"],
    ["heard", (row) => row.heard, "number"],
  ], "no workers: start one with logan worker");
  table("jobs", state.jobs, [
    ["job", (row) => row.name],
    ["done", (row) => row.done, "number"],
    ["chunks", (row) => row.chunks, "number"],
    ["given up", (row) => count.format(row.missing), "number", (row) => (row.missing ? "bad" : "")],
    ["recovered", (row) => count.format(row.recoveries), "number"],
    ["time", (row) => row.elapsed, "number"],
  ], "no jobs");
  table("follows", state.follows, [
    ["job", (row) => row.job, "short"],
    ["logs", (row) => row.name],
    ["hosts", (row) => row.hosts, "number", (row) => row.tone],
    ["counted", (row) => row.counted, "number"],
    ["behind", (row) => row.behind, "number"],
    ["losses", (row) => count.format(row.lost), "number", (row) => (row.lost ? "bad" : "")],
    ["watching", (row) => count.format(row.viewers), "number"],
  ], "none: logan watch --on-workers 'GLOB'");
  reports(state.reports);
  table("events", state.events, [
    ["time (UTC)", (row) => row.at, "short"],
    ["", (row) => row.text, "", (row) => row.tone],
  ], "nothing");
}

function reports(rows) {
  table("reports", rows, [
    ["ended (UTC)", (row) => row.at, "short"],
    ["job", (row) => row.name],
    ["records", (row) => row.records, "number"],
    ["errors", (row) => row.errors, "number"],
    ["report", () => "", "short"],
  ], "none yet");
  byId("reports").querySelectorAll("tr").forEach((line, index) => {
    const row = rows[index - 1];
    if (!row) return;
    const link = element("a", row.partial ? "JSON (partial)" : "JSON");
    link.href = `/report.json?window=${encodeURIComponent(row.id)}`;
    line.lastChild.append(link);
  });
}

source = new EventSource("/events");
source.onmessage = (event) => show(JSON.parse(event.data));
setInterval(check, 1000);
