// What a reader sets and follows: light or dark, and the section that he is reading.
(() => {
  const root = document.documentElement;
  const key = "boardpack-scheme";
  // A page opened from disk may be denied storage: the choice then lasts as long as the page.
  const stored = () => {
    try { return localStorage.getItem(key); } catch { return null; }
  };
  const store = (scheme) => {
    try { localStorage.setItem(key, scheme); } catch { /* it lasts as long as the page */ }
  };
  const show = (scheme) => {
    if (scheme === "light" || scheme === "dark") root.dataset.scheme = scheme;
    else delete root.dataset.scheme;
  };
  show(stored());

  const wireScheme = () => {
    const control = document.querySelector(".scheme");
    const chosen = root.dataset.scheme ?? "auto";
    for (const input of control.querySelectorAll("input")) {
      input.checked = input.value === chosen;
      input.addEventListener("change", () => { show(input.value); store(input.value); });
    }
    control.hidden = false;
  };

  const wireContents = () => {
    const contents = document.querySelector(".contents details");
    if (!contents) return;
    const wide = matchMedia("(min-width: 62rem)");
    const fold = () => { contents.open = wide.matches; };
    fold();
    wide.addEventListener("change", fold);
    const links = new Map();
    for (const link of contents.querySelectorAll("a")) {
      const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
      if (heading) links.set(heading, link);
      link.addEventListener("click", () => { if (!wide.matches) contents.open = false; });
    }
    const headings = [...links.keys()];
    const here = contents.querySelector(".here");
    let current = null;
    const follow = () => {
      const line = Math.min(innerHeight * 0.3, 120);
      const ends = innerHeight + scrollY >= root.scrollHeight - 2;
      const above = headings.filter((heading) => heading.getBoundingClientRect().top <= line);
      const heading = ends ? headings.at(-1) : above.at(-1);
      const link = links.get(heading) ?? null;
      if (link === current) return;
      current?.removeAttribute("aria-current");
      link?.setAttribute("aria-current", "location");
      here.textContent = link ? link.textContent : "";
      // Only the list is scrolled: scrollIntoView would hold up the page that the reader scrolls.
      const list = contents.parentElement;
      const top = link ? link.offsetTop - list.clientHeight / 2 : 0;
      if (wide.matches) list.scrollTop = Math.max(0, top);
      current = link;
    };
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; follow(); });
    };
    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    follow();
  };

  document.addEventListener("DOMContentLoaded", () => { wireScheme(); wireContents(); });
})();
