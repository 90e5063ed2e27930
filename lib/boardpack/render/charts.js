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

// A specification travels compressed: deflated, as base64.
const unpacked = async (text) => {
  const bytes = Uint8Array.from(atob(JSON.parse(text)), (char) => char.charCodeAt(0));
  const whole = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(whole).text());
};

// A chart of the suite knows the room for its texts (padding) and takes the width of the page, but never
// less than it needs: a narrower page shows it whole and smaller. Another keeps its size.
const widthOf = (spec, designed, live) => {
  if (typeof spec.width !== "number" || !spec.usermeta?.least) return null;
  let least = spec.usermeta.least;
  if (live.clientWidth < designed * 0.75) {
    // Of many periods some go without their name; what is no period keeps its name and its room.
    const axes = horizontal(spec);
    if (axes.every((x) => x.field === "period")) {
      for (const x of axes) x.axis.labelOverlap = "greedy";
    } else {
      least = Math.max(least, designed * 0.8);
    }
  }
  return () => Math.max(live.clientWidth, least) - spec.padding.left - spec.padding.right;
};

const draw = async (data) => {
  const view = data.closest("figure").querySelector(".chart-view");
  const designed = view.querySelector("svg")?.viewBox.baseVal.width ?? 0;
  const live = document.createElement("div");
  live.className = "chart-live";
  live.setAttribute("aria-hidden", "true");
  view.prepend(live);
  try {
    const spec = await unpacked(data.textContent);
    stack(spec, designed, live.clientWidth);
    const width = widthOf(spec, designed, live);
    if (width) spec.width = width();
    const { view: drawn } = await vegaEmbed(live, spec, {
      // The interpreter evaluates expressions without eval, so the page can forbid eval.
      ast: true,
      actions: false,
      renderer: "svg",
      tooltip: { theme: "boardpack" },
      loader: { http: { credentials: "omit" } },
    });
    live.classList.add("is-drawn");
    if (width) addEventListener("resize", () => drawn.width(width()).runAsync());
  } catch (error) {
    live.remove();
    console.warn("A chart stays a picture:", error.message);
  }
};

document.fonts.ready.then(async () => {
  const font = getComputedStyle(document.documentElement).getPropertyValue("--font-name").trim();
  // Vega measures text while it lays out a chart: the fonts have to be there first.
  await Promise.all([400, 600].map((weight) => document.fonts.load(`${weight} 12px ${font}`)));
  for (const data of document.querySelectorAll("script.vega-spec")) await draw(data);
});
