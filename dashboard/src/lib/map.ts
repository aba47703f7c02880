/** Where a coordinate lies on the plan. Equirectangular: over a farm the error is below a pixel. */

/** Edges in degrees. */
export interface Box {
  south: number;
  west: number;
  north: number;
  east: number;
}

/** A place in degrees. */
export interface Place {
  latitude: number;
  longitude: number;
}

/** Metres in a degree of latitude. */
const DEGREE = 111_320;

/** Room around the outermost devices, as a part of the whole. */
const MARGIN = 0.12;
/** The least that the shorter side of a map is of the longer one. */
const FLATTEST = 0.5;

/** How many degrees of latitude are as long as one of longitude there. */
export const shrink = (box: Box): number => Math.max(0.01, Math.cos((((box.south + box.north) / 2) * Math.PI) / 180));

/** A box around all places, with a margin, at most `tallest` times as high as wide; a lone place gets a hundred metres around it. Null without places. */
export function around(places: readonly Place[], flattest = FLATTEST, tallest = Infinity): Box | null {
  if (places.length === 0) return null;
  const latitudes = places.map((place) => place.latitude);
  const longitudes = places.map((place) => place.longitude);
  const box = { south: Math.min(...latitudes), north: Math.max(...latitudes), west: Math.min(...longitudes), east: Math.max(...longitudes) };
  const along = shrink(box);
  const [high, wide] = [box.north - box.south, (box.east - box.west) * along];
  const margins = 2 * MARGIN * Math.max(high, wide);
  const least = Math.max(high + margins, wide + margins, 100 / DEGREE);
  // Marks need room of their own on every side, and a row of devices is no reason for a strip of a map.
  const grow = (length: number): number => Math.max(length + margins, least * flattest) - length;
  // As wide as the screen has room for: beside a tall map its ground would go on, but not its coordinates.
  const broad = Math.max(wide + grow(wide), (high + grow(high)) / tallest);
  const [up, out] = [grow(high) / 2, (broad - wide) / 2 / along];
  return { south: box.south - up, north: box.north + up, west: box.west - out, east: box.east + out };
}

/** The lines of round degrees that cross `box`, three to eight of them along its longer side, and how many decimals tell them apart. */
export function graticule(box: Box): { latitudes: number[]; longitudes: number[]; digits: number } {
  const most = Math.max(box.north - box.south, (box.east - box.west) * shrink(box)) / 3;
  const power = Math.floor(Math.log10(most));
  const step = ([5, 2, 1].find((one) => one * 10 ** power <= most) ?? 1) * 10 ** power;
  const digits = Math.max(0, -power);
  const lines = (from: number, to: number): number[] => {
    const first = Math.ceil(from / step);
    return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, index) => Number(((first + index) * step).toFixed(digits)));
  };
  return { latitudes: lines(box.south, box.north), longitudes: lines(box.west, box.east), digits };
}

/** The box's size on a drawing whose longer side is `longest` units. */
export function size(box: Box, longest = 1000): { width: number; height: number } {
  const width = (box.east - box.west) * shrink(box);
  const height = box.north - box.south;
  const scale = longest / Math.max(width, height);
  return { width: width * scale, height: height * scale };
}

/** Where `place` lies on a drawing of `box`. */
export function project(place: Place, box: Box, drawing: { width: number; height: number }): { x: number; y: number } {
  return {
    x: ((place.longitude - box.west) / (box.east - box.west)) * drawing.width,
    y: ((box.north - place.latitude) / (box.north - box.south)) * drawing.height,
  };
}

/** The place at a point of the drawing, to a hundred-thousandth of a degree (a metre). */
export function unproject(x: number, y: number, box: Box, drawing: { width: number; height: number }): Place {
  const round = (value: number): number => Math.round(value * 1e5) / 1e5;
  return {
    latitude: round(box.north - (y / drawing.height) * (box.north - box.south)),
    longitude: round(box.west + (x / drawing.width) * (box.east - box.west)),
  };
}

/** A round length in metres that takes at most `part` of the drawing's width, and that part. */
export function scaleBar(box: Box, part = 0.25): { metres: number; part: number } {
  const whole = (box.east - box.west) * shrink(box) * DEGREE;
  const most = whole * part;
  const power = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((step) => step * power).find((step) => step <= most) ?? power;
  return { metres, part: metres / whole };
}
