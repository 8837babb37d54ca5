// The API's description as a page: every operation by its family, found by any of its words.
//
// What stands here comes from the document, and is put on the page as text, never as markup.

const byId = (id) => document.getElementById(id);

/** An element with these properties and children; `null` is no child. */
const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children.flat().filter((child) => child !== null));
  return element;
};

const text = (className, content) => make("span", { className, textContent: content });

/** The name that a reference leads to. */
const named = (reference) => reference.split("/").pop();

const objectLink = (name) => make("a", { href: `#object-${name}`, textContent: name });

/** What kind of value a schema is of, in a word or a link. */
const kind = (schema) => {
  if (schema.$ref) return [objectLink(named(schema.$ref))];
  if (schema.oneOf) return schema.oneOf.flatMap((one, at) => (at ? [" or ", ...kind(one)] : kind(one)));
  const types = [schema.type ?? "anything"].flat();
  if (types.includes("array")) {
    return ["list of ", ...kind(schema.items ?? {}), types.includes("null") ? " or null" : ""];
  }
  if (types.includes("object") && typeof schema.additionalProperties === "object") {
    return ["map of ", ...kind(schema.additionalProperties)];
  }
  const said = schema.enum ? [schema.enum.map((word) => JSON.stringify(word)).join(" or ")] : types;
  const id = schema.pattern?.startsWith("^[1-9]");
  const words = said.map((word) => (word === "string" && id ? "id" : word));
  const bounds = [];
  if (schema.format === "date-time") bounds.push("a moment");
  if (schema.minimum !== undefined && schema.maximum !== undefined) {
    bounds.push(`${schema.minimum} to ${schema.maximum}`);
  }
  if (schema.maxLength !== undefined) bounds.push(`at most ${schema.maxLength} characters`);
  return [[...new Set(words)].join(" or "), bounds.length ? `, ${bounds.join(", ")}` : ""];
};

/** The fields of what a schema holds, if it says them itself. */
const inner = (schema) => {
  if (schema.properties) return fields(schema);
  if (schema.items && !schema.items.$ref) return inner(schema.items);
  return null;
};

const fields = (schema) => {
  const required = new Set(schema.required ?? []);
  const list = Object.entries(schema.properties ?? {}).map(([name, field]) =>
    make(
      "li",
      {},
      text("name", name),
      make("span", { className: "kind" }, kind(field)),
      required.has(name) ? null : text("note", "at times"),
      inner(field),
    ),
  );
  return make("ul", { className: "fields" }, list);
};

const parameters = (list, where, title) => {
  const own = list.filter((parameter) => parameter.in === where);
  if (!own.length) return [];
  const items = own.map((parameter) =>
    make(
      "li",
      {},
      text("name", parameter.name),
      make("span", { className: "kind" }, kind(parameter.schema ?? {})),
      parameter.required ? null : text("note", "may be left out"),
    ),
  );
  return [make("h3", { textContent: title }), make("ul", { className: "fields" }, items)];
};

const body = (request) => {
  if (!request) return [];
  const parts = [make("h3", { textContent: "Body" })];
  for (const [mediaType, { schema }] of Object.entries(request.content)) {
    parts.push(make("p", {}, make("code", { textContent: mediaType }), " ", kind(schema)));
    const said = schema.properties ? bodyFields(schema) : inner(schema);
    if (said) parts.push(said);
  }
  return parts;
};

/** As `fields`, in the words of one who writes them. */
const bodyFields = (schema) => {
  const list = fields(schema);
  for (const note of list.querySelectorAll(".note")) note.textContent = "may be left out";
  return list;
};

const answers = (responses, shared) => {
  const items = Object.entries(responses).map(([status, answer]) => {
    const response = answer.$ref ? shared.responses[named(answer.$ref)] : answer;
    const contents = Object.entries(response.content ?? {}).map(([mediaType, { schema }]) =>
      mediaType === "application/json"
        ? [" ", make("span", { className: "kind" }, kind(schema ?? {}))]
        : [" ", make("code", { textContent: mediaType })],
    );
    return make("li", {}, text("name", status), response.description, contents.flat());
  });
  return [make("h3", { textContent: "Answers" }), make("ul", { className: "fields" }, items)];
};

/** The names of effects, those that are sure before those that are not. */
const sureAndNot = (effects, name) => {
  const of = (when) => effects.filter((effect) => effect.when === when).map(name);
  const [always, atTimes] = [of("always"), of("at times")];
  const listed = (names) => names.flatMap((one, at) => [at ? ", " : "", make("code", { textContent: one })]);
  const between = always.length && atTimes.length ? "; " : "";
  return [...listed(always), between, ...(atTimes.length ? ["at times ", ...listed(atTimes)] : []), "."];
};

/** What an operation does beside answering. */
const effects = (told) => {
  const [logged, sent] = [told["x-audit-log-actions"], told["x-dispatches"]];
  if (!logged) return [];
  if (!logged.length && !sent.length) {
    return [make("p", { textContent: "The audit log and the gateway say nothing of it." })];
  }
  const action = ({ name, action_type }) => `${name} (${action_type})`;
  return [
    logged.length ? make("p", {}, "Writes into the audit log: ", sureAndNot(logged, action)) : null,
    sent.length ? make("p", {}, "Sends over the gateway: ", sureAndNot(sent, ({ name }) => name)) : null,
  ];
};

/** Fills a part of the page when it is opened first: all at once is slow on a phone. */
const opened = (details, fill) => {
  details.addEventListener("toggle", () => {
    if (!details.open) return;
    if (details.childElementCount === 1) {
      details.append(make("div", { className: "inside" }, fill()));
    }
    // So that the address leads others here.
    history.replaceState(null, "", `#${details.id}`);
  });
  return details;
};

const operation = (path, method, told, shared) => {
  const list = told.parameters ?? [];
  const summary = make(
    "summary",
    {},
    make("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
    text("path", path),
    text("needs", told["x-needs"]),
  );
  const details = make("details", { className: "one", id: `operation-${told.operationId}` }, summary);
  return opened(details, () => [
    make("p", { textContent: told.description }),
    make("p", {}, "Rate limit: ", make("code", { textContent: told["x-rate-limit-bucket"] })),
    ...effects(told),
    ...parameters(list, "path", "Path"),
    ...parameters(list, "query", "Query"),
    ...parameters(list, "header", "Headers"),
    ...body(told.requestBody),
    ...answers(told.responses, shared),
  ]);
};

/** A family's name as people read it. */
const title = (tag) => tag[0].toUpperCase() + tag.slice(1).replaceAll("_", " ");

/** All operations by their families, each with the words by which it is found. */
const families = (api) => {
  const all = new Map();
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, told] of Object.entries(methods)) {
      const tag = told.tags?.[0] ?? "other";
      const caused = [...(told["x-audit-log-actions"] ?? []), ...(told["x-dispatches"] ?? [])];
      const names = caused.map(({ name }) => name);
      const words = [method, path, told.operationId, told["x-needs"], tag, ...names].join(" ").toLowerCase();
      const element = operation(path, method, told, api.components);
      all.set(tag, [...(all.get(tag) ?? []), { element, words }]);
    }
  }
  return [...all].sort(([one], [other]) => one.localeCompare(other));
};

const show = (api) => {
  const sections = families(api).map(([tag, operations]) => {
    const heading = make("h2", { textContent: title(tag) });
    const elements = operations.map(({ element }) => element);
    const section = make("section", { id: `family-${tag}` }, heading, elements);
    const link = make("a", { href: `#family-${tag}`, textContent: title(tag) });
    const entry = make("li", {}, link);
    byId("names").append(entry);
    return { section, entry, operations };
  });
  byId("operations").append(...sections.map(({ section }) => section));
  for (const [name, scheme] of Object.entries(api.components.securitySchemes)) {
    byId("security").append(
      make("dt", { textContent: name }),
      make("dd", { textContent: scheme.description }),
    );
  }
  const objects = Object.entries(api.components.schemas).map(([name, schema]) => {
    const summary = make("summary", {}, text("name", name), text("needs", schema.description ?? ""));
    const details = make("details", { className: "one", id: `object-${name}` }, summary);
    return opened(details, () => [fields(schema)]);
  });
  byId("objects").append(...objects);
  byId("ways").hidden = false;
  byId("schemas").hidden = false;

  const find = () => {
    const words = byId("wanted").value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const { section, entry, operations } of sections) {
      let here = 0;
      for (const { element, words: own } of operations) {
        element.hidden = !words.every((word) => own.includes(word));
        here += element.hidden ? 0 : 1;
      }
      section.hidden = entry.hidden = here === 0;
      found += here;
    }
    byId("found").textContent = `${found} operation${found === 1 ? "" : "s"}`;
  };
  byId("wanted").addEventListener("input", find);
  find();

  // A link to something that is closed opens it.
  const follow = () => {
    const aim = byId(decodeURIComponent(location.hash.slice(1)));
    if (!aim) return;
    if (aim.closest("#operations [hidden]")) {
      byId("wanted").value = "";
      find();
    }
    if (aim.tagName === "DETAILS") {
      aim.open = true;
      aim.firstElementChild.focus({ preventScroll: true });
    }
    aim.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();
};

byId("wanted").form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, textarea");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId("wanted").focus();
  }
});
// On a phone the families would stand before everything else.
byId("families").open = !matchMedia("(max-width: 48rem)").matches;

try {
  const answer = await fetch("/api/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  show(await answer.json());
} catch (error) {
  byId("found").textContent = `The document could not be read: ${error.message}`;
}
