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
    // The drawing's own size stays for print; on the page a plain chart takes the width there is.
    if (typeof spec.width === "number" && !spec.hconcat && !spec.vconcat && !spec.concat && !spec.facet) {
      spec.width = "container";
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    try {
      await vegaEmbed(live, spec, {
        // The interpreter evaluates expressions without eval, so the page can forbid eval.
        ast: true,
        actions: false,
        renderer: "svg",
        tooltip: { theme: "boardpack" },
        loader: { http: { credentials: "omit" } },
      });
      live.classList.add("is-drawn");
    } catch (error) {
      live.remove();
      console.warn("A chart stays a picture:", error.message);
    }
  }
});
