// Draws each chart over its picture. The picture stays where drawing fails, and on paper.
document.fonts.ready.then(async () => {
  const font = getComputedStyle(document.documentElement).getPropertyValue("--font-name").trim();
  // Vega measures text while it lays out a chart: the fonts have to be there first.
  await Promise.all([400, 600].map((weight) => document.fonts.load(`${weight} 12px ${font}`)));
  for (const data of document.querySelectorAll("script.vega-spec")) {
    const view = data.closest("figure").querySelector(".chart-view");
    const live = document.createElement("div");
    live.className = "chart-live";
    live.setAttribute("aria-hidden", "true");
    view.prepend(live);
    const spec = JSON.parse(data.textContent);
    // A chart of the suite knows the room for its texts (padding) and takes the width of the page, but
    // never less than it needs: a narrower page shows it whole and smaller. Another keeps its size.
    const fits = typeof spec.width === "number" && spec.usermeta?.least;
    const width = () =>
      Math.max(live.clientWidth, spec.usermeta.least) - spec.padding.left - spec.padding.right;
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
