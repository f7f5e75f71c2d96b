// The forms of a table: fields that its rows have are suggested, operators that a field takes are offered, and values
// that its facet has counted. The cursor stands where a query line went wrong.

const form = document.querySelector("[data-filter-form]");

if (form) {
  const { field, operator, value } = form.elements;
  const known = new Map([...form.querySelectorAll("#fields option")].map(each => [each.value, each.dataset]));
  const offered = [...operator.options];

  const adapt = () => {
    const key = field.value.trim();
    const { type, example } = known.get(key) ?? (key.includes(".") ? { type: form.dataset.pathType } : {});
    const fitting = offered.filter(each => !type || each.dataset.types.split(" ").includes(type));
    const chosen = operator.value;
    operator.replaceChildren(...fitting);
    operator.value = fitting.some(each => each.value === chosen) ? chosen : fitting[0].value;
    const list = form.querySelector(`#values-${CSS.escape(key)}`);
    if (list) value.setAttribute("list", list.id);
    else value.removeAttribute("list");
    value.placeholder = example ?? "";
  };
  field.addEventListener("input", adapt);
  adapt();

  // What lies in the JSON of these rows is asked for when somebody begins to look for a field.
  const fields = document.getElementById("fields");
  const suggest = async () => {
    if (!fields.dataset.more) return;
    const address = fields.dataset.more;
    delete fields.dataset.more;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const read = new DOMParser().parseFromString(`<datalist>${await answer.text()}</datalist>`, "text/html");
    fields.append(...[...read.querySelectorAll("option")].filter(each => !known.has(each.value)));
  };
  for (const each of document.querySelectorAll('[list="fields"]')) {
    each.addEventListener("focus", () => suggest().catch(() => {}));
  }
}

const line = document.querySelector("#line[data-column]");
if (line) {
  const column = Number(line.dataset.column);
  line.focus();
  if (column) line.setSelectionRange(column - 1, column - 1);
}
