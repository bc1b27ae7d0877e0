// The list of runs, and the report of the chosen one, both as they are now.
"use strict";

const EVERY = 1000; // milliseconds between two looks at the runs
const list = document.getElementById("runs");
const news = document.getElementById("news");
const frame = document.getElementById("report");
let shown = null; // the address and the stamp of what the frame holds
let told = ""; // what the list says

// The run that the address names; at first the one that was written last.
function chosen(runs) {
  const name = decodeURIComponent(location.hash.slice(1));
  const found = runs.find((run) => run.name === name);
  if (found || !runs.length) return found;
  const latest = runs.reduce((a, b) => (b.age < a.age ? b : a));
  history.replaceState(null, "", "#" + encodeURIComponent(latest.name));
  return latest;
}

function age(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`;
}

function entry(run, current) {
  const link = document.createElement("a");
  link.href = "#" + encodeURIComponent(run.name);
  link.className = run.state;
  if (run === current) link.setAttribute("aria-current", "page");
  const state = document.createElement("small");
  state.textContent = run.state;
  link.append(run.name === "." ? run.data : run.name, state);
  const item = document.createElement("li");
  item.append(link);
  return item;
}

// An unchanged list is left alone, so that a link keeps the keyboard's focus.
function tell(runs, current) {
  const now = JSON.stringify([current?.name, runs.map((run) => [run.name, run.state])]);
  if (now !== told) list.replaceChildren(...runs.map((run) => entry(run, current)));
  told = now;
  news.textContent = current ? `written ${age(current.age)} ago` : "no runs";
}

function show(run) {
  const path = run.name === "." ? [] : run.name.split("/");
  const address = "/files/" + [...path, run.page].map(encodeURIComponent).join("/");
  const before = shown;
  if (before?.address === address && before.stamp === run.stamp) return;
  shown = { address, stamp: run.stamp };
  // A report that grew is shown where its reader was.
  const place = before?.address === address ? frame.contentWindow.scrollY : 0;
  frame.onload = () => frame.contentWindow.scrollTo(0, place);
  frame.contentWindow.location.replace(address + "?" + run.stamp);
}

async function look() {
  try {
    const runs = await (await fetch("/runs.json")).json();
    const current = chosen(runs);
    tell(runs, current);
    if (current?.page) show(current);
  } catch {
    news.textContent = "kohort watch has ended";
  }
}

addEventListener("hashchange", look);
look();
setInterval(look, EVERY);
