// A previewed page listens to who made it: it loads itself again, or says what is wrong.
(() => {
  const version = document.querySelector('meta[name="preview-version"]').content;
  const bar = document.createElement("section");
  bar.id = "preview-bar";
  bar.setAttribute("aria-live", "polite");
  bar.setAttribute("aria-label", "Preview");
  Object.assign(bar.style, {
    background: "var(--paper)", border: "2px solid var(--accent)", bottom: "0.6rem", color: "var(--ink)",
    font: "0.9rem/1.4 var(--font, sans-serif)", insetInlineEnd: "0.6rem", maxWidth: "min(48rem, 92vw)",
    overflowWrap: "anywhere", padding: "0.5rem 0.9rem", position: "fixed", whiteSpace: "pre-wrap", zIndex: "9",
  });
  document.body.append(bar);

  const say = (text, color) => {
    bar.textContent = text;
    bar.style.borderColor = color;
  };
  const listen = new EventSource("/events");
  listen.addEventListener("state", (event) => {
    const state = JSON.parse(event.data);
    if (state.version !== version) {
      listen.close();
      location.reload();
    } else if (state.problem) {
      say(state.problem, "var(--bad)");
    } else {
      say(state.step ? `Preview: ${state.step} …` : "Preview: not published", "var(--accent)");
    }
  });
  listen.addEventListener("error", () => say("The preview has ended.", "var(--warn)"));
})();
