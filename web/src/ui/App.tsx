// The whole interface.
import { en } from "../strings/en";
export function App() { return <h1>{en.app}</h1>; }
