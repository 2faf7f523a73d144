"use strict";
// Three planes of the acquired and the generated volume of a case. Without this script the figures above say the same.
(() => {
  const root = document.getElementById("viewer");
  const cases = JSON.parse(document.getElementById("viewer-data").textContent);
  const choice = root.querySelector("select");
  const sliders = [...root.querySelectorAll("input[type=range]")];
  const volumes = new Map();
  const narrow = window.matchMedia("(max-width: 40rem)");
  let current = null;
  root.hidden = false;

  cases.forEach((one, index) => choice.add(new Option(one.title, index)));

  function unpack(one, kind) {
    return new Promise((resolve, reject) => {
      const picture = new Image();
      picture.onload = () => {
        const [slices, height, width] = one.shape;
        const sheet = document.createElement("canvas");
        sheet.width = picture.width;
        sheet.height = picture.height;
        const pen = sheet.getContext("2d", { willReadFrequently: true });
        pen.drawImage(picture, 0, 0);
        const voxels = new Uint8Array(slices * height * width);
        for (let s = 0; s < slices; s++) {
          const left = (s % one.columns) * width, top = Math.floor(s / one.columns) * height;
          const tile = pen.getImageData(left, top, width, height).data;
          for (let i = 0; i < height * width; i++) voxels[s * height * width + i] = tile[4 * i];
        }
        resolve(voxels);
      };
      picture.onerror = reject;
      picture.src = one[kind];
    });
  }

  function draw(canvas, columns, rows, value, millimetres) {
    canvas.width = columns;
    canvas.height = rows;
    canvas.style.aspectRatio = (columns * millimetres[0]) + " / " + (rows * millimetres[1]);
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(columns, rows);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const at = 4 * (row * columns + column);
        image.data[at] = image.data[at + 1] = image.data[at + 2] = value(row, column);
        image.data[at + 3] = 255;
      }
    }
    pen.putImageData(image, 0, 0);
  }

  // Letters at the edges of each plane: left, right, top, bottom.
  function mark(canvas, edges) {
    const plane = canvas.parentElement;
    if (plane.querySelector("span")) return;
    ["left", "right", "top", "bottom"].forEach((side, place) => {
      const letter = document.createElement("span");
      letter.className = side;
      letter.textContent = edges[place];
      plane.append(letter);
    });
  }

  const away = (index, count, mm) => {
    const off = (index - (count - 1) / 2) * mm;
    return (off < 0 ? "\u2212" : "+") + Math.abs(off).toFixed(1) + " mm";
  };

  const called = { P: "posterior", A: "anterior", S: "superior", I: "inferior" };

  function show() {
    if (!current) return;
    const { shape, spacing, views, ends } = current;
    const where = sliders.map((slider) => Number(slider.value));
    const words = ["slice " + current.labels[where[0]], "row " + (where[1] + 1) + " of " + shape[1],
      "column " + (where[2] + 1) + " of " + shape[2]];
    words.forEach((word, axis) => { words[axis] = word + ", " + away(where[axis], shape[axis], spacing[axis]); });
    // One scale in all planes: columns of the page are as wide as what they show in millimetres. On a narrow page the
    // third plane stands under the first.
    const wide = views.map((view) => shape[view.axes[0]] * spacing[view.axes[0]]).slice(0, narrow.matches ? 2 : 3);
    root.querySelectorAll(".row").forEach((row) => {
      row.style.gridTemplateColumns = wide.map((mm) => "minmax(0, " + mm.toFixed(1) + "fr)").join(" ");
    });
    sliders.forEach((slider, axis) => {
      const [first, last] = ends[axis].map((end) => called[end] || end);
      slider.closest("label").firstChild.textContent = ["Slice", "Row", "Column"][axis] + ", " + first + " to " + last + " ";
      slider.setAttribute("aria-valuetext", words[axis]);
      slider.closest("p").querySelector("output").textContent = words[axis];
    });
    for (const kind of ["acquired", "generated"]) {
      const voxels = current[kind + "Voxels"];
      views.forEach((view) => {
        const [across, down, cut] = view.axes, at = [0, 0, 0];
        const canvas = root.querySelector("canvas[data-kind=" + kind + "][data-plane=" + view.name + "]");
        at[cut] = where[cut];
        draw(canvas, shape[across], shape[down], (row, column) => {
          at[across] = view.flipped[0] ? shape[across] - 1 - column : column;
          at[down] = view.flipped[1] ? shape[down] - 1 - row : row;
          return voxels[(at[0] * shape[1] + at[1]) * shape[2] + at[2]];
        }, [spacing[across], spacing[down]]);
        mark(canvas, view.letters);
        canvas.closest("figure").querySelector("figcaption").textContent = view.name + ": " + words[cut];
        canvas.setAttribute("aria-label", kind + ", " + view.name + ", " + words[cut]);
      });
    }
  }

  async function open(index) {
    const one = cases[index];
    if (!volumes.has(index)) {
      const [acquired, generated] = await Promise.all([unpack(one, "acquired"), unpack(one, "generated")]);
      volumes.set(index, { ...one, acquiredVoxels: acquired, generatedVoxels: generated });
    }
    current = volumes.get(index);
    sliders.forEach((slider, axis) => {
      slider.max = current.shape[axis] - 1;
      slider.value = Math.floor(current.shape[axis] / 2);
    });
    show();
  }

  choice.addEventListener("change", () => open(Number(choice.value)));
  sliders.forEach((slider) => slider.addEventListener("input", show));
  narrow.addEventListener("change", show);
  open(0);
})();
