// Tables that sort, search and page themselves, and plots. What is chosen stands in the address
// (#q=swahili&sort=NASCA&down=1), so that a view can be sent to a colleague.
"use strict";

const PAGE = 100;
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};
const shown = (value, column) => value.toFixed(column.decimals ?? 3);
const text = (cell) => (Array.isArray(cell) ? String(cell[0]) : String(cell ?? ""));

function board(section, first) {
  const { columns, rows } = JSON.parse(section.querySelector("script").textContent);
  const words = rows.map((row) =>
    row.filter((_, at) => !columns[at].score).map((cell) => [cell].flat().join(" ")).join(" ").toLowerCase());
  const address = new URLSearchParams(first ? location.hash.slice(1) : "");
  const state = {
    query: address.get("q") ?? "",
    sort: columns.findIndex((column) => column.name === address.get("sort")),
    down: address.get("down") === "1",
    page: 0,
    chosen: {},
  };

  const search = make("input", { type: "search", value: state.query });
  const tools = make("div", { className: "tools" }, make("label", {}, "Search", search));
  for (const name of ["model", "class", "corpus", "extraction"]) {
    const at = columns.findIndex((column) => column.name === name);
    const values = at < 0 ? [] : [...new Set(rows.map((row) => text(row[at])))].sort();
    if (values.length < 2) continue;
    const select = make("select", {}, make("option", { value: "", textContent: "all" }),
      ...values.map((value) => make("option", { value, textContent: value })));
    state.chosen[at] = address.get(name) ?? "";
    select.value = state.chosen[at];
    select.addEventListener("change", () => { state.chosen[at] = select.value; state.page = 0; draw(); });
    tools.append(make("label", {}, columns[at].title, select));
  }
  const count = make("span", { role: "status" });
  const body = make("tbody");
  const heads = columns.map((column, at) => {
    const button = make("button", { type: "button", textContent: column.title });
    button.addEventListener("click", () => {
      state.down = state.sort === at ? !state.down : Boolean(column.score);
      state.sort = at; state.page = 0; draw();
    });
    return make("th", { scope: "col", className: column.score ? "number" : "" }, button);
  });
  const table = make("table", {}, make("caption", { textContent: section.dataset.caption }),
    make("thead", {}, make("tr", {}, ...heads)), body);
  const back = make("button", { type: "button", textContent: "Previous" });
  const next = make("button", { type: "button", textContent: "Next" });
  back.addEventListener("click", () => { state.page -= 1; draw(); });
  next.addEventListener("click", () => { state.page += 1; draw(); });
  search.addEventListener("input", () => { state.query = search.value; state.page = 0; draw(); });
  const scroll = make("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: section.dataset.caption }, table);
  section.append(tools, scroll, make("div", { className: "pager" }, back, count, next));

  function compare(one, other) {
    const [a, b] = [rows[one][state.sort], rows[other][state.sort]];
    if (!columns[state.sort].score) return text(a).localeCompare(text(b)) * (state.down ? -1 : 1);
    if (a === null || b === null) return (a === null) - (b === null); // what is missing comes last
    return (a[0] - b[0]) * (state.down ? -1 : 1);
  }

  function cell(value, column) {
    if (!column.score) {
      return column.link
        ? make("td", {}, make("a", { href: `${column.link}${value[1]}.html`, textContent: value[0] }))
        : make("td", { textContent: value });
    }
    const td = make("td", { className: "score" });
    if (value !== null) {
      td.append(shown(value[0], column));
      if (value.length > 1) {
        td.append(" ", make("small", { textContent: `[${shown(value[1], column)}, ${shown(value[2], column)}]` }));
      }
    }
    return td;
  }

  function draw() {
    const query = state.query.trim().toLowerCase();
    const kept = rows.map((_, at) => at).filter((at) => words[at].includes(query)
      && Object.entries(state.chosen).every(([column, value]) => !value || text(rows[at][column]) === value));
    if (state.sort >= 0) kept.sort(compare);
    const pages = Math.max(1, Math.ceil(kept.length / PAGE));
    state.page = Math.min(Math.max(state.page, 0), pages - 1);
    const from = state.page * PAGE;
    body.replaceChildren(...kept.slice(from, from + PAGE).map((at) =>
      make("tr", {}, ...rows[at].map((value, column) => cell(value, columns[column])))));
    heads.forEach((head, at) => {
      if (at === state.sort) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    count.textContent = kept.length
      ? `${from + 1} to ${Math.min(from + PAGE, kept.length)} of ${kept.length} rows` : "no row";
    back.hidden = next.hidden = pages === 1;
    back.disabled = state.page === 0;
    next.disabled = state.page === pages - 1;
    if (!first) return;
    const view = new URLSearchParams();
    if (state.query) view.set("q", state.query);
    if (state.sort >= 0) view.set("sort", columns[state.sort].name);
    if (state.down) view.set("down", "1");
    for (const [at, value] of Object.entries(state.chosen)) if (value) view.set(columns[at].name, value);
    history.replaceState(null, "", String(view) ? `#${view}` : location.pathname);
  }
  draw();
}

function plot(element) {
  const { data, layout } = JSON.parse(element.querySelector("script").textContent);
  Plotly.newPlot(element, data, layout, { responsive: true, displayModeBar: false });
}

document.querySelectorAll(".board").forEach((section, at) => board(section, at === 0));
// a plot is drawn when it comes into sight
const seen = new IntersectionObserver((entries) => entries.forEach((entry) => {
  if (!entry.isIntersecting) return;
  seen.unobserve(entry.target);
  plot(entry.target);
}), { rootMargin: "400px" });
document.querySelectorAll(".plot").forEach((element) => seen.observe(element));
// a link to a table opens it
const opened = document.getElementById(location.hash.slice(1));
if (opened?.tagName === "DETAILS") opened.open = true;
