// Sorting and filtering of the tables. Everything else on the page works without it.
"use strict";
(() => {
  const BATCH = 250; // rows that are laid out at once; more follow as somebody scrolls, all of them before printing
  const FEW = 8; // rows that nobody needs to filter
  const language = document.documentElement.lang;
  const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const number = new Intl.NumberFormat(language);
  const { count, all } = document.getElementById("report").dataset;
  const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

  // What a cell is sorted by: its place where words have an order, its number or day, else its text.
  function key(cell) {
    const first = cell.firstElementChild;
    if (first?.dataset.order) return Number(first.dataset.order);
    if (first?.matches("data")) return Number(first.value);
    if (first?.matches("time")) return Date.parse(first.dateTime + (first.dateTime.length > 10 ? "Z" : ""));
    return cell.textContent.trim();
  }

  // Numbers stand before words, and nothing stands last in both directions.
  function compare(a, b, way) {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return way * (typeof a === "number" ? a - b : collator.compare(a, b));
  }

  // A list of the words of a column that has colours, so that "Not protected" is one choice away.
  function choice(header, column, rows) {
    const words = new Map();
    let coloured = false;
    for (const row of rows) {
      const cell = row.cells[column];
      coloured ||= Boolean(cell.querySelector(".pill"));
      words.set(cell.textContent, key(cell));
    }
    words.delete("");
    if (!coloured || words.size < 2 || words.size > 20) return null;
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.append(new Option(all, ""));
    for (const [word] of [...words].sort((a, b) => compare(a[1], b[1], 1))) select.append(new Option(word, word));
    label.append(`${header.textContent} `, select);
    return { label, select, fits: (row) => !select.value || row.cells[column].textContent === select.value };
  }

  function enliven(tools) {
    const input = tools.querySelector("input");
    const output = tools.querySelector("output");
    const table = document.getElementById(input.getAttribute("aria-controls"));
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const headers = [...table.tHead.rows[0].cells];
    const choices = headers.map((header, column) => choice(header, column, rows)).filter(Boolean);
    const texts = new Map();
    let sorted = rows;
    let shown = rows;

    const more = (least = 0) => {
      const next = shown.slice(body.rows.length, Math.max(least, body.rows.length + BATCH));
      body.append(...next);
      nearby.disconnect();
      if (body.rows.length < shown.length) nearby.observe(body.lastElementChild);
    };
    const nearby = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) more(); },
      { root: tools.nextElementSibling, rootMargin: "1500px" });
    addEventListener("beforeprint", () => { if (body.rows.length < shown.length) more(shown.length); });

    const text = (row) => {
      if (!texts.has(row)) texts.set(row, folded([...row.cells].map((cell) => cell.textContent).join("\n")));
      return texts.get(row);
    };
    const show = () => {
      const wanted = folded(input.value).split(/\s+/).filter(Boolean);
      shown = sorted.filter((row) => choices.every((one) => one.fits(row)) && wanted.every((word) => text(row).includes(word)));
      body.replaceChildren();
      more();
      if (rows.length > BATCH) table.ariaRowCount = shown.length + 1;
      output.value = count.replace("{shown}", number.format(shown.length)).replace("{total}", number.format(rows.length));
    };

    headers.forEach((header, column) => {
      const button = document.createElement("button");
      let keys;
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const now = { ascending: "descending", descending: "" }[header.ariaSort] ?? "ascending";
        for (const other of headers) other.removeAttribute("aria-sort");
        if (now) header.ariaSort = now;
        const way = now === "descending" ? -1 : 1;
        keys ??= new Map(rows.map((row) => [row, key(row.cells[column])]));
        sorted = now ? [...rows].sort((a, b) => compare(keys.get(a), keys.get(b), way)) : rows;
        show();
      });
    });
    for (const one of choices) {
      output.before(one.label);
      one.select.addEventListener("change", show);
    }
    let waiting;
    input.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 80); });
    tools.hidden = rows.length < FEW;
    show();
  }

  for (const tools of document.querySelectorAll(".tools")) enliven(tools);

  // Which sheet is being read, for the navigation.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const list = document.querySelector("nav ul");
  const read = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(target.id);
      link.setAttribute("aria-current", "true");
      list.scrollLeft = link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2; // a row of them on narrow screens
    }
  }, { rootMargin: "-15% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) read.observe(section);
})();
