/** Colour scales that people with colour vision deficiencies can read: lightness alone orders them. */

type Rgb = readonly [number, number, number];

/** Dry earth to water. */
const MOISTURE: readonly Rgb[] = [
  [122, 74, 34],
  [172, 124, 74],
  [214, 190, 150],
  [150, 196, 205],
  [62, 142, 184],
  [18, 78, 134],
];

/** Viridis, cold to warm. */
const TEMPERATURE: readonly Rgb[] = [
  [68, 1, 84],
  [65, 68, 135],
  [42, 120, 142],
  [34, 168, 132],
  [122, 209, 81],
  [253, 231, 37],
];

/** What a scale measures. */
export type Quantity = "moisture" | "temperature";

/** What the ends of each scale stand for, in % and °C: soil from wilting to saturation, from hard frost to bare ground in summer. */
export const ENDS: Record<Quantity, readonly [number, number]> = { moisture: [0, 50], temperature: [-10, 40] };

/** The colour at `part` (0 to 1; beyond is clamped) of the scale. */
export function at(quantity: Quantity, part: number): Rgb {
  const stops = quantity === "moisture" ? MOISTURE : TEMPERATURE;
  const place = Math.min(1, Math.max(0, part)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(place));
  const rest = place - index;
  const from = stops[index] as Rgb;
  const to = stops[index + 1] as Rgb;
  const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * rest);
  return [mix(0), mix(1), mix(2)];
}

/** The colour of a value, as CSS. */
export function colourOf(quantity: Quantity, value: number): string {
  const [low, high] = ENDS[quantity];
  return `rgb(${at(quantity, (value - low) / (high - low)).join(" ")})`;
}

/** Relative luminance by WCAG 2. */
export function luminance(rgb: Rgb): number {
  const linear = rgb.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (linear[0] ?? 0) + 0.7152 * (linear[1] ?? 0) + 0.0722 * (linear[2] ?? 0);
}

/** Black or white, whichever reads better on the value's colour. */
export function inkOn(quantity: Quantity, value: number): string {
  const [low, high] = ENDS[quantity];
  return luminance(at(quantity, (value - low) / (high - low))) > 0.179 ? "#000000" : "#ffffff";
}
