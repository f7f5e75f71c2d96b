// Steps of a trajectory without a new page: the page of a step is fetched, and its scene handed to the viewer.

for (const form of document.querySelectorAll("form.steps")) {
  const figure = form.closest("figure");
  const field = form.elements.step;
  const last = Number(form.dataset.steps) - 1;
  let asked = 0;
  form.querySelector("[data-show-step]").hidden = true;

  const show = async (step) => {
    const wanted = Math.min(Math.max(step, 0), last);
    field.value = wanted;
    asked += 1;
    const mine = asked;
    const url = new URL(form.action);
    url.searchParams.set("step", wanted);
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const scene = page.querySelector("script.scene");
    // Another step may have been asked for since.
    if (mine !== asked || !answer.ok || !scene) return;
    figure.dispatchEvent(new CustomEvent("scene", { detail: JSON.parse(scene.textContent) }));
    figure.querySelector("figcaption").replaceWith(page.querySelector("figure.structure figcaption"));
    for (const name of [".at", ".before", ".after"]) {
      const [here, there] = [form.querySelector(name), page.querySelector(`form.steps ${name}`)];
      if (here && there) here.replaceWith(there);
    }
    history.replaceState(null, "", url);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    show(Number(field.value));
  });
  field.addEventListener("change", () => show(Number(field.value)));
  form.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.hasAttribute("href")) show(Number(new URL(link.href).searchParams.get("step")));
  });

  // Plays from here to the end, one step after the other as they come.
  const play = form.querySelector("[data-play]");
  play.hidden = false;
  play.addEventListener("click", async () => {
    const isPlaying = play.getAttribute("aria-pressed") !== "true";
    play.setAttribute("aria-pressed", isPlaying);
    if (Number(field.value) >= last) field.value = -1;
    while (play.getAttribute("aria-pressed") === "true" && Number(field.value) < last) {
      const shown = show(Number(field.value) + 1);
      await Promise.all([shown, new Promise((done) => setTimeout(done, 100))]);
    }
    play.setAttribute("aria-pressed", false);
  });
}
