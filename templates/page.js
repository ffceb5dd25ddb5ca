"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { images, nodes, prefix } = data;
  const svg = $("picture"), pane = $("pane"), details = $("details"), list = $("list"), search = $("search");
  const short = (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);

  // An element with attributes and children; texts are never read as HTML.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const swatch = (kind) => {
    const space = "http://www.w3.org/2000/svg";
    const parts = [["svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true" }], ["g", { class: `node ${kind}` }],
      ["rect", { x: 1, y: 1, width: 10, height: 10, rx: 2 }]].map(([tag, attributes]) => {
      const element = document.createElementNS(space, tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    });
    parts[0].append(parts[1]);
    parts[1].append(parts[2]);
    return parts[0];
  };

  // The graph of images, both ways.
  const dependents = images.map(() => []);
  images.forEach((image, index) => {
    for (const need of image.needs ?? []) if (need.image !== null) dependents[need.image].push(index);
  });
  const reach = (start, next) => {
    const found = new Set(), waiting = [start];
    while (waiting.length) for (const other of next(waiting.pop())) if (!found.has(other)) found.add(other), waiting.push(other);
    return found;
  };
  const needsOf = (index) => (images[index].needs ?? []).map((need) => need.image).filter((image) => image !== null);

  // The drawing: what the server laid out, and how to put it back.
  const boxes = [...svg.querySelectorAll("[data-node]")].map((element) => {
    const rect = element.querySelector("rect:not(.behind)");
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
    const [name, below] = element.querySelectorAll("text");
    return { element, x, y, width, height, name, below, texts: [name.textContent, below?.textContent] };
  });
  const edges = [...svg.querySelectorAll("[data-from]")].map((element) => ({
    element, from: Number(element.dataset.from), to: Number(element.dataset.to), d: element.getAttribute("d"),
  }));
  const members = nodes.map(() => []);
  images.forEach((image, index) => members[image.node].push(index));
  const natural = { width: Number(svg.getAttribute("width")), height: Number(svg.getAttribute("height")) };
  let size = natural, zoom = 1;

  const scale = (to) => {
    zoom = Math.min(3, Math.max(0.15, to));
    svg.setAttribute("width", Math.round(size.width * zoom));
    svg.setAttribute("height", Math.round(size.height * zoom));
  };
  const fit = (least = 0.15) => scale(Math.min(1, Math.max(least, (pane.clientWidth - 28) / size.width)));
  const resize = (width, height, top = 0) => {
    size = { width, height: height - top };
    svg.setAttribute("viewBox", `0 ${top} ${width} ${height - top}`);
    fit(0.45);
  };

  const whole = () => {
    svg.classList.remove("focused");
    for (const box of boxes) {
      box.element.classList.remove("off", "selected", "faded");
      box.element.removeAttribute("transform");
      box.name.textContent = box.texts[0];
      if (box.below) box.below.textContent = box.texts[1];
    }
    for (const edge of edges) {
      edge.element.classList.remove("off");
      edge.element.setAttribute("d", edge.d);
    }
    resize(natural.width, natural.height);
  };

  // Shows some nodes alone, moved together within their columns.
  const only = (shown, selected) => {
    boxes[selected].element.classList.add("selected");
    if (shown.size === boxes.length) return;
    const columns = new Map();
    boxes.forEach((box, index) => {
      box.element.classList.toggle("off", !shown.has(index));
      if (shown.has(index)) columns.set(box.x, [...(columns.get(box.x) ?? []), box]);
    });
    const gap = 12, height = (column) => column.reduce((sum, box) => sum + box.height + gap, -gap);
    const tallest = Math.max(...[...columns.values()].map(height));
    let x = 8;
    for (const [, column] of [...columns].sort((a, b) => a[0] - b[0])) {
      let y = 8 + (tallest - height(column)) / 2;
      for (const box of column.sort((a, b) => a.y - b.y)) {
        box.now = { x, y };
        box.element.setAttribute("transform", `translate(${x - box.x} ${y - box.y})`);
        y += box.height + gap;
      }
      x += Math.max(...column.map((box) => box.width)) + 64;
    }
    let over = 0, highest = 0;
    for (const { element, from, to } of edges) {
      const on = shown.has(from) && shown.has(to);
      element.classList.toggle("off", !on);
      if (!on) continue;
      const [a, b] = [boxes[from], boxes[to]];
      const [x1, y1, x2, y2] = [a.now.x + a.width, a.now.y + a.height / 2, b.now.x, b.now.y + b.height / 2];
      const between = [...columns.values()].flat().filter((box) => box.now.x > x1 && box.now.x + box.width < x2);
      if (between.length) {
        // Above all that stands between, as a line of its own.
        const top = Math.min(y1, y2, ...between.map((box) => box.now.y)) - 10 - 5 * (over % 4);
        over += 1;
        highest = Math.min(highest, top);
        const [left, right] = [x1 + 32, x2 - 32];
        element.setAttribute("d", `M${x1} ${y1}C${left} ${y1} ${left - 16} ${top} ${left + 16} ${top}H${right - 16}C${right + 16} ${top} ${right} ${y2} ${x2} ${y2}`);
        continue;
      }
      const bend = (x2 - x1) / 2;
      element.setAttribute("d", `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`);
    }
    svg.classList.add("focused");
    resize(x - 64 + 12, tallest + 20, highest < 0 ? highest - 4 : 0);
  };

  // The list, with what was searched for and the states that are wanted.
  const wanted = new Set();
  const rows = images.map((image, index) => {
    const button = make("button", { type: "button", "data-image": index, title: image.name }, swatch(image.class), make("span", { class: "name" }, short(image.name)));
    button.setAttribute("aria-label", image.class === "plain" ? image.name : `${image.name}, ${image.words}`);
    const row = make("li", {}, button);
    return { row, button, text: `${image.name}\n${image.dockerfile}`.toLowerCase() };
  });
  list.append(...rows.map(({ row }) => row));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    rows.forEach(({ row, text }, index) => {
      row.hidden = !(words.every((word) => text.includes(word)) && (!wanted.size || wanted.has(images[index].class)));
      if (!row.hidden) count += 1;
    });
    const number = images.length.toLocaleString("en");
    const all = images.length === 1 ? "1 image" : `${number} images`;
    $("matches").textContent = count === images.length ? all : `${count.toLocaleString("en")} of ${all}`;
    if (selected === null) {
      const shown = new Set(rows.flatMap(({ row }, index) => (row.hidden ? [] : [images[index].node])));
      boxes.forEach((box, index) => box.element.classList.toggle("faded", count < images.length && !shown.has(index)));
    }
  };

  // What is told of the selected image or group.
  let selected = null;
  const link = (index, via) => {
    const item = make("li", {}, make("button", { type: "button", class: "link", "data-image": index }, short(images[index].name)));
    if (via) item.append(make("span", { class: "via" }, via));
    return item;
  };
  const places = (need, file) => need.via.map(([instruction, line]) => `${instruction}  ${file}:${line}`).join("\n");
  const titled = (title, items, more) => {
    if (!items.length) return [];
    const parts = [make("h3", {}, title), make("ul", {}, ...items.slice(0, 200))];
    const rest = items.length - 200;
    if (rest > 0) parts.push(make("p", { class: "faint" }, `and ${rest.toLocaleString("en")} more; search finds them`));
    if (more) parts.push(make("p", { class: "faint" }, more));
    return parts;
  };
  const pairs = (entries) => {
    const definition = make("dl");
    for (const [name, value] of entries) {
      for (const text of [value ?? []].flat()) definition.append(make("dt", {}, name), make("dd", {}, text));
    }
    return definition;
  };
  const shell = (title, ...parts) => {
    const close = make("button", { type: "button", class: "close", "aria-label": "Close details" }, "✕");
    close.addEventListener("click", clear);
    details.replaceChildren(close, make("h2", {}, title), ...parts);
    details.hidden = false;
    details.scrollTop = 0;
    document.querySelector("main").classList.add("detailed");
    $("all").hidden = false;
  };
  const mark = (index) => rows.forEach(({ button }, at) => {
    if (at === index) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  });

  // What an external image is locked to, and its age on the day that the page is read.
  const bound = (base) => {
    if (!base.digest) return base.name.includes("@") ? "" : "not locked";
    if (!base.created) return base.digest;
    const days = Math.floor((Date.now() - Date.parse(base.created)) / 86400000);
    const age = days > 1 ? `, ${days.toLocaleString("en")} days ago` : "";
    return `${base.digest}\ncreated ${base.created.slice(0, 10)}${age}`;
  };

  const select = (index) => {
    const image = images[index];
    selected = index;
    const needs = reach(index, needsOf), takers = reach(index, (at) => dependents[at]);
    const direct = image.needs ?? [];
    const item = (need) => (need.image === null
      ? make("li", {}, need.name, make("span", { class: "via" }, `not in this plan\n${places(need, image.dockerfile)}`))
      : link(need.image, places(need, image.dockerfile)));
    const back = (other) => places(images[other].needs.find((need) => need.image === index), images[other].dockerfile);
    const further = (all, near) => (all > near ? `${(all - near).toLocaleString("en")} further through these` : "");
    shell(image.name,
      ...(image.class === "plain" ? [] : [make("p", { class: "state" }, swatch(image.class), image.words)]),
      ...titled("Why", (image.reasons ?? []).map((reason) => make("li", {}, reason))),
      ...titled("Needs", direct.map(item), further(needs.size, direct.filter((need) => need.image !== null).length)),
      ...titled("Needed by", dependents[index].map((other) => link(other, back(other))), further(takers.size, dependents[index].length)),
      ...titled("Base images", (image.bases ?? []).map((base) => make("li", {}, base.name, make("span", { class: "via" }, bound(base))))),
      make("h3", {}, "About"),
      pairs([["Dockerfile", image.dockerfile], ["target", image.target], ["context", image.context], ["platform", image.platforms],
        ["tag", image.tags], ["reference", image.reference], ["inputs", image.inputs],
        ["fingerprint", image.fingerprint], ["time", image.time], ["digest", image.digest]]));
    const shown = new Set([image.node, ...[...needs, ...takers].map((other) => images[other].node)]);
    // Images from outside and those that the plan leaves out are no images of the plan: follow the lines.
    for (const { from, to } of edges) if (!members[from].length && shown.has(to) && (needs.has(members[to][0]) || to === image.node)) shown.add(from);
    whole();
    only(shown, image.node);
    const box = boxes[image.node];
    if (members[image.node].length > 1) {
      box.name.textContent = fitting(short(image.name), box.width);
      if (box.below) box.below.textContent = `one of ${members[image.node].length.toLocaleString("en")} images alike`;
    }
    $("focus").textContent = `${short(image.name)}: needs ${needs.size.toLocaleString("en")}, needed by ${takers.size.toLocaleString("en")}`;
    mark(index);
    rows[index].button.scrollIntoView({ block: "nearest" });
    box.element.scrollIntoView({ block: "nearest", inline: "nearest" });
    history.replaceState(null, "", `#${encodeURIComponent(image.name)}`);
  };
  const fitting = (text, width) => {
    const most = Math.floor((width - 20) / 7.25);
    return text.length > most ? `…${text.slice(-(most - 1))}` : text;
  };
  const open = (node) => {
    if (members[node].length === 1) return select(members[node][0]);
    if (!members[node].length) {
      const { name, what, base } = nodes[node];
      return shell(name, make("p", { class: "faint" }, what), ...(base ? [make("p", { class: "via" }, bound(base))] : []));
    }
    const images_ = members[node].map((index) => link(index));
    shell(boxes[node].texts[0], make("p", { class: "faint" }, "These stand in the same place: select one."), ...titled("Images", images_));
    mark(-1);
  };
  const clear = () => {
    selected = null;
    whole();
    details.hidden = true;
    document.querySelector("main").classList.remove("detailed");
    $("all").hidden = true;
    $("focus").textContent = "";
    mark(-1);
    filter();
    history.replaceState(null, "", location.pathname + location.search);
  };

  // Nodes are reached with one Tab, and from there with the arrow keys.
  let current = 0;
  const enter = (index) => {
    boxes[current].element.setAttribute("tabindex", "-1");
    current = index;
    boxes[current].element.setAttribute("tabindex", "0");
    boxes[current].element.focus();
  };
  boxes.forEach(({ element, texts }, index) => {
    element.setAttribute("role", "button");
    element.setAttribute("tabindex", index ? "-1" : "0");
    const title = element.querySelector("title").textContent.split("\n").slice(0, 6).join(", ");
    element.setAttribute("aria-label", texts[0] === title ? title : `${texts[0]}: ${title}`);
    element.addEventListener("click", () => { enter(index); open(index); });
    element.addEventListener("keydown", (event) => {
      const place = (box) => box.element.getBoundingClientRect();
      const here = place(boxes[index]);
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        open(index);
      } else if (way) {
        event.preventDefault();
        let best = null;
        boxes.forEach((box, at) => {
          if (at === index || box.element.classList.contains("off")) return;
          const there = place(box);
          const [dx, dy] = [there.x + there.width / 2 - here.x - here.width / 2, there.y + there.height / 2 - here.y - here.height / 2];
          const along = dx * way[0] + dy * way[1], aside = Math.abs(dx * way[1]) + Math.abs(dy * way[0]);
          if (along > 4 && (best === null || along + 3 * aside < best.cost)) best = { at, cost: along + 3 * aside };
        });
        if (best) enter(best.at);
      }
    });
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-image]");
    if (!button) return;
    select(Number(button.dataset.image));
    if (button.closest(".below, aside")) details.focus({ preventScroll: !button.closest(".below") });
    if (button.closest(".below")) document.querySelector("main").scrollIntoView();
  });
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const on = chip.getAttribute("aria-pressed") !== "true";
      chip.setAttribute("aria-pressed", String(on));
      wanted[on ? "add" : "delete"](chip.dataset.state);
      filter();
    });
  }
  search.addEventListener("input", filter);
  const step = (from, by) => {
    for (let at = from + by; at >= 0 && at < rows.length; at += by) if (!rows[at].row.hidden) return rows[at].button.focus();
    if (by < 0) search.focus();
  };
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") event.preventDefault(), step(-1, 1);
    if (event.key === "Enter") {
      const first = rows.findIndex(({ row }) => !row.hidden);
      if (first >= 0) select(first);
    }
  });
  list.addEventListener("keydown", (event) => {
    const at = rows.findIndex(({ button }) => button === document.activeElement);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (at >= 0 && by) event.preventDefault(), step(at, by);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && document.activeElement !== search) event.preventDefault(), search.focus(), search.select();
    if (event.key !== "Escape") return;
    if (document.activeElement === search && search.value) {
      search.value = "";
      filter();
    } else {
      clear();
      search.focus();
    }
  });
  $("in").addEventListener("click", () => scale(zoom * 1.25));
  $("out").addEventListener("click", () => scale(zoom / 1.25));
  $("fit").addEventListener("click", () => fit());
  $("all").addEventListener("click", clear);
  addEventListener("resize", () => fit(0.45));

  filter();
  fit(0.45);
  let named = "";
  try { named = decodeURIComponent(location.hash.slice(1)); } catch { /* no name of ours */ }
  const at = images.findIndex((image) => image.name === named);
  if (at >= 0) select(at);
  document.documentElement.dataset.ready = "true";
})();
