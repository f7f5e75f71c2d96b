// The form of a job: what commands of a program look like, the core types that it can use, and Ctrl-Enter to start.

const form = document.querySelector("[data-form]");
const programs = form?.querySelector("[data-programs]");
const command = form?.querySelector("textarea[name=command]");
const coreTypes = form?.querySelector("select[name=core_type]");

function fit() {
  const chosen = programs.selectedOptions[0];
  if (!chosen) return;
  command.placeholder = chosen.dataset.hint ?? "";
  const allowed = (chosen.dataset.coreTypes ?? "").split(" ");
  for (const each of coreTypes.options) each.disabled = !allowed.includes(each.value);
  if (coreTypes.selectedOptions[0]?.disabled) coreTypes.value = [...coreTypes.options].find(each => !each.disabled)?.value ?? "";
}

if (programs && command && coreTypes) {
  programs.addEventListener("change", fit);
  fit();
}
form?.addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit(form.querySelector("[value=start]"));
});
document.querySelector("[aria-invalid=true]")?.focus();
