"use strict";
// The page reads the same without this: it adds buttons that copy numbers and unfold parts.
(() => {
  const button = (text, label, press) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", () => press(made));
    return made;
  };
  const copy = async (text, pressed) => {
    const name = pressed.textContent;
    try {
      await navigator.clipboard.writeText(text);
      pressed.textContent = "Copied";
    } catch {
      // Where the clipboard is not open to a page, the text is shown selected, to be copied by hand.
      const area = document.createElement("textarea");
      area.value = text;
      area.readOnly = true;
      area.setAttribute("aria-label", "Numbers to copy");
      pressed.after(area);
      area.select();
      pressed.textContent = document.execCommand("copy") ? "Copied" : "Selected";
      if (pressed.textContent === "Copied") area.remove();
    }
    setTimeout(() => { pressed.textContent = name; }, 2000);
  };
  const words = (element) => element.textContent.replace(/\s+/g, " ").trim();
  const tiles = () => {
    const lines = [...document.querySelectorAll(".main, .tile")].map((tile) => {
      const [name, value, ...rest] = [...tile.querySelectorAll("dt, dd")].map(words);
      return `${name}: ${value}${rest.length ? ` ${rest.join(", ")}` : ""}`;
    });
    return `${[words(document.querySelector("h1")), ...lines].join("\n")}\n`;
  };
  const headline = document.querySelector(".headline");
  const bar = document.createElement("p");
  bar.className = "tools";
  bar.append(button("Copy these numbers", "", (pressed) => copy(tiles(), pressed)));
  headline.append(bar);
  for (const link of document.querySelectorAll(".download a")) {
    const text = () => decodeURIComponent(link.href.slice(link.href.indexOf(",") + 1));
    const label = link.getAttribute("aria-label").replace(/, as CSV$/, ", copy");
    link.before(button("Copy", label, (pressed) => copy(text(), pressed)), " ");
  }
  for (const tree of document.querySelectorAll(".tree")) {
    const parts = [...tree.querySelectorAll("details")];
    const press = (pressed) => {
      const open = parts.some((part) => !part.open);
      parts.forEach((part) => { part.open = open; });
      pressed.textContent = open ? "Fold all" : "Unfold all";
    };
    const own = document.createElement("p");
    own.className = "tools";
    own.append(button("Unfold all", "", press));
    if (parts.length) tree.before(own);
  }
})();
