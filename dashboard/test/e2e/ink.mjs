/** Where a curve has ink. */

/** In the page: how many columns of pixels within the gap, and in as many days before it, have the temperature's colour. */
export function columns({ bounds, gap }) {
  const plot = document.querySelector(".plot[data-quantity=temperature]");
  const canvas = plot.querySelector("canvas");
  const over = plot.querySelector(".u-over").getBoundingClientRect();
  const left = over.left - canvas.getBoundingClientRect().left;
  const pen = canvas.getContext("2d");
  const x = (time) => Math.round((left + ((time - bounds[0]) / (bounds[1] - bounds[0])) * over.width) * devicePixelRatio);
  const inked = (column) => {
    const { data } = pen.getImageData(column, 0, 1, canvas.height);
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] > 128 && Math.abs(data[at] - 179) + Math.abs(data[at + 1] - 72) + Math.abs(data[at + 2] - 13) < 60) return true;
    }
    return false;
  };
  const count = (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => inked(from + index)).filter(Boolean).length;
  const [begin, end] = [x(gap[0]) + 3, x(gap[1]) - 3];
  return { inside: count(begin, end), looked: end - begin, outside: count(begin - 60, begin - 6) };
}

/** In the page: whether the last fifth of the temperature's curve is hatched, column by column. */
export function hatched() {
  const plot = document.querySelector(".plot[data-quantity=temperature]");
  const canvas = plot.querySelector("canvas");
  const over = plot.querySelector(".u-over").getBoundingClientRect();
  const end = (over.right - canvas.getBoundingClientRect().left) * devicePixelRatio;
  const width = Math.floor((over.width * devicePixelRatio) / 5);
  const { data } = canvas.getContext("2d").getImageData(Math.round(end - width), 0, width - 6, canvas.height);
  const marked = new Set();
  for (let at = 0; at < data.length; at += 4) {
    if (data[at + 3] > 100 && Math.abs(data[at] - 195) + Math.abs(data[at + 1] - 200) + Math.abs(data[at + 2] - 184) < 40) marked.add((at / 4) % (width - 6));
  }
  return marked.size > (width - 6) * 0.9;
}
