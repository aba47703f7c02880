/** The page begins here. */
import { render } from "preact";
import { App } from "./app";
import { keepScroll } from "./lib/scroll";
import "./style/tokens.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/pages.css";
import { setTheme, theme } from "./theme";

setTheme(theme());
keepScroll();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
