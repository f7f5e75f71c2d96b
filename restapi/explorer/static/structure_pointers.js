// Mouse and fingers on a structure: one pointer turns it, with Shift it moves it; two move and zoom. A click chooses.

const CLICK = 4; // pixels that a click may wander

export function followPointers(viewer) {
  const { stage } = viewer;
  const down = new Map();
  let way = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
    way = 0;
  });
  stage.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const step = [now[0] - before[0], now[1] - before[1]];
    const [other] = [...down].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    way += Math.hypot(...step);
    down.set(event.pointerId, now);
    if (other) {
      viewer.move(step[0] / 2, step[1] / 2);
      viewer.zoom(distance(now, other) / distance(before, other));
    } else if (event.shiftKey) viewer.move(...step);
    else viewer.rotate(step[0] * 0.01, step[1] * 0.01);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => {
      if (down.delete(event.pointerId) && name === "pointerup" && way < CLICK) viewer.choose(event);
    });
  }
  // The wheel scrolls the page until the stage has been clicked or reached by Tab.
  stage.addEventListener("wheel", (event) => {
    if (document.activeElement !== stage) return;
    event.preventDefault();
    viewer.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)));
  }, { passive: false });
}

function distance(one, other) {
  return Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
}
