/** Line drawings, 20 x 20, in the colour of the text. Decoration: whatever they mean stands beside them in words. */
import type { JSX } from "preact";

const PATHS = {
  fleet: "M3 5h14M3 10h14M3 15h14M6.500 3.500v3M12.500 8.500v3M8.500 13.500v3",
  field: "M2.500 6 7 4l6 2 4.500-2v10L13 16l-6-2-4.500 2zM7 4v10M13 6v10",
  completeness: "M3 3.500h14v13.500H3zM3 8h14M7.700 8v9M12.300 8v9M3 12.500h14",
  gateways: "M10 17V9M7 17h6M10 9a1 1 0 1 0 0-2 1 1 0 0 0 0 2M6.800 11.200a4.500 4.500 0 0 1 0-6.400M13.200 4.800a4.500 4.500 0 0 1 0 6.400M4.300 13.700a8 8 0 0 1 0-11.400M15.700 2.300a8 8 0 0 1 0 11.400",
  alerts: "M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 18h3",
  settings: "M4 6h7M15 6h1M4 14h1M9 14h7M13 6m-2 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0M7 14m-2 0a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
  search: "M9 14.500A5.500 5.500 0 1 0 9 3.500a5.500 5.500 0 0 0 0 11zM13 13l4 4",
  up: "M10 16V4M5 9l5-5 5 5",
  down: "M10 4v12M5 11l5 5 5-5",
  left: "M12.500 4 6.500 10l6 6",
  right: "M7.500 4l6 6-6 6",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  close: "M5 5l10 10M15 5 5 15",
  download: "M10 3v10M5.500 9 10 13.500 14.500 9M3.500 17h13",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M4 16l1.400-1.400M14.600 5.400 16 4",
  moon: "M16.500 12A7 7 0 0 1 8 3.500a7 7 0 1 0 8.500 8.500z",
  half: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 3v14M10 6h5.500M10 10h7M10 14h5.500",
  reset: "M4 10a6 6 0 1 0 2-4.500M4 3v3.500h3.500",
  edit: "M4 16l.7-3.300L13.500 4l2.500 2.500-8.700 8.800z",
  out: "M8 3.500H4v13h4M12 6l4 4-4 4M16 10H7.500",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A young plant above soil: the mark of Fieldpost. */
export function Mark(): JSX.Element {
  return <img class="mark" src="/mark.svg" width="30" height="30" alt="" />;
}
