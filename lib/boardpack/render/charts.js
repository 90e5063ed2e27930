// Draws each chart over its picture. The picture stays where drawing fails, and on paper.

// The horizontal axes of a chart, wherever its layers keep them.
const horizontal = (spec) => {
  const parts = [...(spec.layer ?? []), ...(spec.concat ?? []), ...(spec.hconcat ?? [])];
  const own = spec.encoding?.x?.axis ? [spec.encoding.x] : [];
  return [...own, ...parts.flatMap(horizontal)];
};

// Small charts side by side stand below each other where the page is narrow, as large as before.
const stack = (spec, designed, room) => {
  if (!spec.concat || !spec.columns || room >= designed * 0.75) return;
  spec.columns = Math.max(1, Math.min(spec.columns, Math.floor((room * spec.columns) / designed)));
};

document.fonts.ready.then(async () => {
  const font = getComputedStyle(document.documentElement).getPropertyValue("--font-name").trim();
  // Vega measures text while it lays out a chart: the fonts have to be there first.
  await Promise.all([400, 600].map((weight) => document.fonts.load(`${weight} 12px ${font}`)));
  for (const data of document.querySelectorAll("script.vega-spec")) {
    const view = data.closest("figure").querySelector(".chart-view");
    const designed = view.querySelector("svg")?.viewBox.baseVal.width ?? 0;
    const live = document.createElement("div");
    live.className = "chart-live";
    live.setAttribute("aria-hidden", "true");
    view.prepend(live);
    const spec = JSON.parse(data.textContent);
    stack(spec, designed, live.clientWidth);
    // A chart of the suite knows the room for its texts (padding) and takes the width of the page, but
    // never less than it needs: a narrower page shows it whole and smaller. Another keeps its size.
    const fits = typeof spec.width === "number" && spec.usermeta?.least;
    let least = spec.usermeta?.least ?? 0;
    if (fits && live.clientWidth < designed * 0.75) {
      // Of many periods some go without their name; what is no period keeps its name and its room.
      const axes = horizontal(spec);
      if (axes.every((x) => x.field === "period")) {
        for (const x of axes) x.axis.labelOverlap = "greedy";
      } else {
        least = Math.max(least, designed * 0.8);
      }
    }
    const width = () =>
      Math.max(live.clientWidth, least) - spec.padding.left - spec.padding.right;
    if (fits) spec.width = width();
    try {
      const { view: drawn } = await vegaEmbed(live, spec, {
        // The interpreter evaluates expressions without eval, so the page can forbid eval.
        ast: true,
        actions: false,
        renderer: "svg",
        tooltip: { theme: "boardpack" },
        loader: { http: { credentials: "omit" } },
      });
      live.classList.add("is-drawn");
      if (fits) addEventListener("resize", () => drawn.width(width()).runAsync());
    } catch (error) {
      live.remove();
      console.warn("A chart stays a picture:", error.message);
    }
  }
});
