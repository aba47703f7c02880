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

/** How many degrees of latitude are as long as one of longitude there. */
export const shrink = (box: Box): number => Math.max(0.01, Math.cos((((box.south + box.north) / 2) * Math.PI) / 180));

/** A box around all places, with a margin; a lone place gets a hundred metres around it. Null without places. */
export function around(places: readonly Place[]): Box | null {
  if (places.length === 0) return null;
  const latitudes = places.map((place) => place.latitude);
  const longitudes = places.map((place) => place.longitude);
  const box = { south: Math.min(...latitudes), north: Math.max(...latitudes), west: Math.min(...longitudes), east: Math.max(...longitudes) };
  const least = 100 / DEGREE;
  const margin = (length: number, shortest: number): number => Math.max(length * 0.12, (shortest - length) / 2);
  const high = margin(box.north - box.south, least);
  const wide = margin(box.east - box.west, least / shrink(box));
  return { south: box.south - high, north: box.north + high, west: box.west - wide, east: box.east + wide };
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
