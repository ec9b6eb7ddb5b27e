const find = document.querySelector("#find");
const shots = [...document.querySelectorAll(".shot")];
const groups = [...document.querySelectorAll("section.source")];
const found = document.querySelector("#found");

function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let n = 0;
  for (const shot of shots) {
    const hit = words.every((word) => shot.dataset.words.includes(word));
    shot.hidden = !hit;
    n += hit;
  }
  for (const group of groups) group.hidden = !group.querySelector(".shot:not([hidden])");
  found.textContent = words.length ? `${n} of the ${shots.length} shots shown` : "";
}

find.addEventListener("input", show);
document.addEventListener("click", (event) => {
  const tag = event.target.closest("[data-tag]");
  if (!tag) return;
  find.value = find.value === tag.dataset.tag ? "" : tag.dataset.tag;
  show();
  document.querySelector("#shots").scrollIntoView();
});
