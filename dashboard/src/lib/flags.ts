/** What the soil-science checks object to in a reading: the bits of the API, and their names in the International Soil Moisture Network. */

/** Bit, the network's name, and what it means in a few words. */
const FLAGS: readonly (readonly [number, string, string])[] = [
  [1 << 1, "C02", "moisture above 60 %"],
  [1 << 3, "D01", "frozen soil"],
  [1 << 8, "D06", "spike"],
  [1 << 9, "D07", "sudden drop"],
  [1 << 10, "D08", "sudden jump"],
  [1 << 11, "D09", "constant low"],
  [1 << 12, "D10", "saturated"],
  [1 << 13, "T-C01", "temperature below −60 °C"],
  [1 << 14, "T-C02", "temperature above 60 °C"],
];

/** Frozen soil: all winter long, and no fault of the meter. It is drawn as a band, not reading by reading. */
export const FROZEN = 1 << 3;

/** The flags of `bits`, in words; bits without a name are shown as such. */
export function flagNames(bits: number): string[] {
  const known = FLAGS.filter(([bit]) => (bits & bit) !== 0).map(([, name, meaning]) => `${name} ${meaning}`);
  const rest = FLAGS.reduce((left, [bit]) => left & ~bit, bits);
  return rest === 0 ? known : [...known, `unknown flag ${rest}`];
}
