// Listening alike to libraries that name and order an event's parts each in their own way.
import { once } from "../report.mjs";

/**
 * A listener on `client`. `events` tells of events by their common name what the library calls them, and
 * what of their parts is meant; those it does not name are the same in all libraries.
 */
export function hearing(client, events) {
  return (name, matches = () => true, ms = 15_000) => {
    const { event, value } = events[name] ?? { event: name, value: (first) => first };
    return once(client, event, (...parts) => matches(value(...parts)), ms).then((parts) => value(...parts));
  };
}
