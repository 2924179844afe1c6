"use strict";
(() => {
  const at = (id) => document.getElementById(id);

  // A link to something inside a closed part opens that part.
  const reveal = () => {
    const goal = at(location.hash.slice(1));
    for (let node = goal; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    if (goal) goal.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  // On paper nothing can be opened. The ledger stays as the reader left it: it may be long.
  const closed = () => document.querySelectorAll("details.paper:not([open])");
  let opened = [];
  addEventListener("beforeprint", () => { opened = [...closed()]; for (const part of opened) part.open = true; });
  addEventListener("afterprint", () => { for (const part of opened) part.open = false; });

  const filter = at("filter");
  if (!filter) return;
  const text = at("filter-text"), outcome = at("filter-outcome"), shown = at("filter-shown");
  const rows = [...document.querySelectorAll("#rows tr")].map((row) => [row, row.textContent.toLowerCase(), row.dataset.outcome]);
  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean), wanted = outcome.value;
    let count = 0;
    for (const [row, words_of_row, its] of rows) {
      const fits = (!wanted || its === wanted) && words.every((word) => words_of_row.includes(word));
      row.hidden = !fits;
      count += fits;
    }
    shown.textContent = `${count} of ${rows.length} shown`;
  };
  filter.hidden = false;
  text.addEventListener("input", apply);
  outcome.addEventListener("change", apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  text.addEventListener("keydown", (event) => { if (event.key === "Escape") { text.value = ""; apply(); } });
  apply();
})();
