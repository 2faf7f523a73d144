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

  function show() {
    if (!current) return;
    const [slices, height, width] = current.shape;
    const [slice_mm, row_mm, column_mm] = current.spacing;
    const [s, r, c] = sliders.map((slider) => Number(slider.value));
    const words = ["slice " + current.labels[s], "row " + (r + 1) + " of " + height, "column " + (c + 1) + " of " + width];
    words[0] += ", " + away(s, slices, slice_mm);
    words[1] += ", " + away(r, height, row_mm);
    words[2] += ", " + away(c, width, column_mm);
    // One scale in all planes: columns of the page are as wide as what they show in millimetres. On a narrow page the
    // axial plane stands under the coronal one.
    const wide = [width * column_mm, slices * slice_mm, ...(narrow.matches ? [] : [width * column_mm])];
    root.querySelectorAll(".row").forEach((row) => {
      row.style.gridTemplateColumns = wide.map((mm) => "minmax(0, " + mm.toFixed(1) + "fr)").join(" ");
    });
    sliders.forEach((slider, place) => {
      slider.setAttribute("aria-valuetext", words[place]);
      slider.closest("p").querySelector("output").textContent = words[place];
    });
    for (const kind of ["acquired", "generated"]) {
      const voxels = current[kind + "Voxels"];
      const at = (i, j, k) => voxels[(i * height + j) * width + k];
      const [coronal, sagittal, axial] = root.querySelectorAll("canvas[data-kind=" + kind + "]");
      draw(coronal, width, height, (row, column) => at(s, row, column), [column_mm, row_mm]);
      draw(sagittal, slices, height, (row, column) => at(column, row, c), [slice_mm, row_mm]);
      draw(axial, width, slices, (row, column) => at(slices - 1 - row, r, column), [column_mm, slice_mm]);
      const [deep, down, across] = current.letters;
      mark(coronal, [across[0], across[1], down[0], down[1]]);
      mark(sagittal, [deep[0], deep[1], down[0], down[1]]);
      mark(axial, [across[0], across[1], deep[1], deep[0]]);
      [["coronal", coronal, 0], ["sagittal", sagittal, 2], ["axial", axial, 1]].forEach(([name, canvas, place]) => {
        canvas.closest("figure").querySelector("figcaption").textContent = current.names[place] + ": " + words[place];
      });
      coronal.setAttribute("aria-label", kind + ", coronal, " + words[0]);
      sagittal.setAttribute("aria-label", kind + ", sagittal, " + words[2]);
      axial.setAttribute("aria-label", kind + ", axial, " + words[1]);
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
