"use strict";
(() => {
  const PAGE = 24;
  const KEYS = ["student", "class", "order", "show"];
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const element = (id) => document.getElementById(id);
  const controls = Object.fromEntries(KEYS.map((key) => [key, element(`choose-${key}`)]));
  const cards = element("cards");
  const more = element("more");
  const detail = element("detail");
  const pictures = new Image();
  let chosen = [];
  let visible = PAGE;
  let opened = 0;

  // ------------------------------------------------------------------------- elements

  function make(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function option(value, text) {
    const node = make("option", "", text);
    node.value = value;
    return node;
  }

  function fillControls() {
    for (const model of data.models) controls.student.append(option(model.id, model.name));
    controls.class.append(option("all", "all classes"));
    const there = new Set(data.models.flatMap((model) => model.truth));
    data.classes.forEach((name, number) => {
      if (there.has(number)) controls.class.append(option(String(number), name));
    });
    controls.student.value = data.first;
    const differ = FILTERS.differ;
    const any = data.models.some((model) => model.index.some((_, row) => differ(model, row)));
    controls.show.closest("label").hidden = !any;
  }

  // ------------------------------------------------------------------- state in the address

  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    let found = false;
    for (const key of KEYS) {
      const value = wanted.get(key);
      const known = [...controls[key].options].some((entry) => entry.value === value);
      if (known) controls[key].value = value;
      found = found || known;
    }
    return found;
  }

  function writeAddress() {
    const state = new URLSearchParams(KEYS.map((key) => [key, controls[key].value]));
    history.replaceState(null, "", `#${state}`);
  }

  // ------------------------------------------------------------------------- choosing

  function currentModel() {
    return data.models.find((model) => model.id === controls.student.value);
  }

  // Undefined values come last in either direction.
  const last = (value) => (value === null ? Infinity : value);
  const negated = (value) => (value === null ? null : -value);
  const gap = (model, row) => Math.abs(model.confidence[row] - model.reference_confidence[row]);
  const rising = (name) => (model, a, b) => last(model[name][a]) - last(model[name][b]) || 0;
  const falling = (name) => (model, a, b) => last(negated(model[name][a])) - last(negated(model[name][b])) || 0;
  const ORDERS = {
    "primary": rising("primary"),
    "primary-high": falling("primary"),
    "rho": rising("rho"),
    "gap": (model, a, b) => gap(model, b) - gap(model, a),
  };
  const FILTERS = {
    "all": () => true,
    "right": (model, row) =>
      model.prediction[row] === model.truth[row] && model.reference_prediction[row] === model.truth[row],
    "differ": (model, row) => model.prediction[row] !== model.reference_prediction[row],
  };

  function choose() {
    const model = currentModel();
    const wanted = controls.class.value;
    const keep = FILTERS[controls.show.value];
    const order = ORDERS[controls.order.value];
    chosen = [...model.index.keys()]
      .filter((row) => wanted === "all" || model.truth[row] === Number(wanted))
      .filter((row) => keep(model, row))
      .sort((a, b) => order(model, a, b) || model.index[a] - model.index[b]);
  }

  // ------------------------------------------------------------------------- pictures

  function bytes(text) {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  }

  function decoded(model) {
    if (!model.decoded) model.decoded = { own: bytes(model.maps), reference: bytes(model.reference_maps) };
    return model.decoded;
  }

  // Bilinear, as torch's interpolate with align_corners=False.
  function weights(source, target) {
    return Array.from({ length: target }, (_, i) => {
      const position = Math.min(Math.max(((i + 0.5) * source) / target - 0.5, 0), source - 1);
      const below = Math.floor(position);
      return [below, Math.min(below + 1, source - 1), position - below];
    });
  }

  function strengthAt(map, columns, [top, bottom, down], [left, right, across]) {
    const upper = map[top * columns + left] * (1 - across) + map[top * columns + right] * across;
    const lower = map[bottom * columns + left] * (1 - across) + map[bottom * columns + right] * across;
    return (upper * (1 - down) + lower * down) / 255;
  }

  function colour(strength) {
    const place = strength * (data.palette.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, data.palette.length - 1);
    return data.palette[below].map((value, i) => value + (data.palette[above][i] - value) * (place - below));
  }

  function paintMap(context, map, [rows, columns]) {
    const { width, height } = data;
    const [low, high] = data.opacity;
    const down = weights(rows, height);
    const across = weights(columns, width);
    const image = context.getImageData(0, 0, width, height);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const at = 4 * (y * width + x);
        const strength = strengthAt(map, columns, down[y], across[x]);
        const grey = 0.299 * image.data[at] + 0.587 * image.data[at + 1] + 0.114 * image.data[at + 2];
        const opacity = low + (high - low) * strength;
        colour(strength).forEach((value, i) => {
          image.data[at + i] = Math.round((1 - opacity) * grey + opacity * value);
        });
      }
    }
    context.putImageData(image, 0, 0);
  }

  function picture(words, description, place, map, grid) {
    const canvas = make("canvas");
    canvas.width = data.width;
    canvas.height = data.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", description);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const x = (place % data.columns) * data.width;
    const y = Math.floor(place / data.columns) * data.height;
    context.drawImage(pictures, x, y, data.width, data.height, 0, 0, data.width, data.height);
    if (map) paintMap(context, map, grid);
    const node = make("figure");
    const empty = map && map.every((value) => value === 0);
    node.append(canvas, make("figcaption", "", empty ? `${words}: empty map` : words));
    return node;
  }

  function threePictures(model, row) {
    const { own, reference } = decoded(model);
    const size = model.grid[0] * model.grid[1];
    const referenceSize = model.reference_grid[0] * model.reference_grid[1];
    const ownMap = own.subarray(row * size, (row + 1) * size);
    const referenceMap = reference.subarray(row * referenceSize, (row + 1) * referenceSize);
    const name = data.classes[model.truth[row]];
    const place = model.picture[row];
    return [
      picture("image", data.labelled ? `Test image of class ${name}` : `Image that the teacher calls ${name}`, place),
      picture("teacher", `Where the teacher looks on this image of ${name}`, place, referenceMap, model.reference_grid),
      picture(model.role, `Where ${model.name} looks on this image of ${name}`, place, ownMap, model.grid),
    ];
  }

  // ------------------------------------------------------------------------- words

  const signed = (value) => (value === null ? "undefined" : value.toFixed(2).replace("-", "\u2212"));
  const percent = (value) => (value === null ? "\u2013" : `${(100 * value).toFixed(0)} %`);

  function verdicts(model, row) {
    const list = make("dl", "says");
    const lines = [
      ["teacher", model.reference_prediction[row], model.reference_confidence[row]],
      [model.role, model.prediction[row], model.confidence[row]],
    ];
    for (const [who, prediction, confidence] of lines) {
      const right = prediction === model.truth[row] ? " \u2713 right" : " \u2717 wrong";
      list.append(make("dt", "", `${who} says`));
      list.append(make("dd", "", `${data.classes[prediction]}${data.labelled ? right : ""}`));
      list.append(make("dd", "", percent(confidence)));
    }
    return list;
  }

  function heading(model, row) {
    const both = `\u03c1 = ${signed(model.primary[row])} (raw ${signed(model.rho[row])})`;
    return [data.classes[model.truth[row]], both];
  }

  // ------------------------------------------------------------------------- drawing

  function card(model, row, position) {
    const node = make("li", "card");
    node.tabIndex = position === 0 ? 0 : -1;
    node.dataset.index = model.index[row];
    const [name, rho] = heading(model, row);
    const title = make("p", "card-title");
    title.append(make("span", "", name), make("span", "", rho));
    const three = make("div", "pictures");
    three.append(...threePictures(model, row));
    node.append(title, three, verdicts(model, row));
    node.addEventListener("click", () => open(position));
    return node;
  }

  function draw(from) {
    const model = currentModel();
    const upTo = Math.min(visible, chosen.length);
    if (from === 0) cards.replaceChildren();
    for (let i = from; i < upTo; i += 1) cards.append(card(model, chosen[i], i));
    more.hidden = upTo >= chosen.length;
    const stored = model.index.length;
    const left = model.total > stored ? ` (${stored} of ${model.total} chosen images are in this page)` : "";
    element("explorer-status").textContent =
      chosen.length === 0
        ? "No image fits this choice."
        : `${chosen.length} of ${stored} ${stored === 1 ? "image fits" : "images fit"}, ${upTo} shown${left}.`;
  }

  function refresh() {
    visible = PAGE;
    choose();
    draw(0);
  }

  function open(position) {
    opened = position;
    const model = currentModel();
    const row = chosen[position];
    element("detail-title").textContent = `${heading(model, row).join(", ")} (image ${model.index[row]})`;
    element("detail-pictures").replaceChildren(...threePictures(model, row));
    element("detail-words").replaceChildren(verdicts(model, row));
    element("detail-previous").disabled = position === 0;
    element("detail-next").disabled = position === chosen.length - 1;
    if (!detail.open) detail.showModal();
  }

  // ------------------------------------------------------------------------- keys and mouse

  function columnsShown() {
    const tops = [...cards.children].map((node) => node.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }

  function moveFocus(event) {
    const nodes = [...cards.children];
    const at = nodes.indexOf(document.activeElement);
    if (at < 0) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(at);
      return;
    }
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columnsShown(), ArrowUp: -columnsShown() };
    const ends = { Home: 0, End: nodes.length - 1 };
    const target = event.key in ends ? ends[event.key] : at + (steps[event.key] || 0);
    if (target === at || !nodes[target]) return;
    event.preventDefault();
    nodes[at].tabIndex = -1;
    nodes[target].tabIndex = 0;
    nodes[target].focus();
  }

  function step(by) {
    const position = opened + by;
    if (position >= 0 && position < chosen.length) open(position);
  }

  function listen() {
    for (const key of KEYS) {
      controls[key].addEventListener("change", () => {
        writeAddress();
        refresh();
      });
    }
    window.addEventListener("hashchange", () => {
      if (readAddress()) refresh();
    });
    element("explorer-controls").addEventListener("submit", (event) => event.preventDefault());
    cards.addEventListener("keydown", moveFocus);
    more.addEventListener("click", () => {
      const from = visible;
      visible += PAGE;
      draw(from);
      cards.children[from].focus();
    });
    element("detail-close").addEventListener("click", () => detail.close());
    element("detail-previous").addEventListener("click", () => step(-1));
    element("detail-next").addEventListener("click", () => step(1));
    detail.addEventListener("keydown", (event) => {
      if (event.key === "ArrowRight") step(1);
      if (event.key === "ArrowLeft") step(-1);
    });
    detail.addEventListener("close", () => cards.children[opened]?.focus());
  }

  function start() {
    fillControls();
    const asked = readAddress();
    listen();
    refresh();
    if (asked) element("explorer").scrollIntoView();
  }

  pictures.addEventListener("load", start);
  pictures.addEventListener("error", start);
  pictures.src = data.atlas;
})();
