// Where the page begins.

import { render } from "solid-js/web";
import { diagnostics, start } from "./app";
import { App } from "./ui/App";
import "./ui/style.css";

Object.defineProperty(window, "__guildhall", { value: Object.freeze(diagnostics) });
start();
render(() => <App />, document.getElementById("root")!);
