/** What RapiDoc leaves out for those who hear the page or see it badly: names of its inputs, and colours with contrast; and a line that stands out of its column. */

/** Its colours of methods and warnings, on a light ground: each has a contrast of 4.5 or more there. And the licence under the title. */
const STYLE = `
  :host([theme="light"]) .nav-method.get { color: #17557a; }
  :host([theme="light"]) .nav-method.post { color: #1f5d3a; }
  :host([theme="light"]) .nav-method.put, :host([theme="light"]) .nav-method.patch { color: #875400; }
  :host([theme="light"]) .nav-method.delete, :host([theme="light"]) .red-text { color: #b1271b; }
  #api-info { margin-left: 0; }
`;

/** What an input is for, as far as its attributes say. */
function nameOf(input: Element): string {
  if (input instanceof HTMLSelectElement) return "Media type";
  return input.getAttribute("data-pname") ?? (input.getAttribute("type") === "file" ? "A file for the body" : "Value");
}

const NAMELESS = "input:not([aria-label], [type=hidden], [type=button], [type=submit]), select:not([aria-label]), textarea:not([aria-label])";

/** Names what stands in `root`, and in the roots of elements there. */
function nameAll(root: ShadowRoot, watched: Set<ShadowRoot>): void {
  for (const input of root.querySelectorAll<HTMLInputElement>(NAMELESS)) {
    if ((input.labels?.length ?? 0) === 0) input.setAttribute("aria-label", nameOf(input));
  }
  for (const { shadowRoot } of root.querySelectorAll("*")) {
    if (shadowRoot !== null) watch(shadowRoot, watched);
  }
}

function watch(root: ShadowRoot, watched: Set<ShadowRoot>): void {
  if (watched.has(root)) return;
  watched.add(root);
  const look = (): void => nameAll(root, watched);
  new MutationObserver(look).observe(root, { childList: true, subtree: true });
  look();
}

/** Mends `docs` and whatever comes into it. */
export function mend(docs: HTMLElement): void {
  const root = docs.shadowRoot;
  if (root === null) return;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  watch(root, new Set());
}
