// Reports of a scenario: one JSON line a check, so that the harness can judge.

/** Prints one check. */
export function check(name, ok, detail = "") {
  console.log(JSON.stringify({ check: name, ok: Boolean(ok), detail: String(detail) }));
}

/** Prints anything else that the harness waits for. */
export function tell(report) {
  console.log(JSON.stringify(report));
}

/** Runs one check; what it throws is its failure. */
export async function attempt(name, run) {
  try {
    check(name, true, (await run()) ?? "");
  } catch (error) {
    check(name, false, error?.stack ?? error);
  }
}

/** Whether one of the steps has failed. */
export let broken = false;

/** One check of several that build upon each other: after the first that fails, the others would only wait. */
export async function step(name, run) {
  if (broken) return check(name, false, "an earlier check failed");
  await attempt(name, async () => {
    try {
      return await run();
    } catch (error) {
      broken = true;
      throw error;
    }
  });
}

/** Asks the harness for an outside event. */
export async function control(action, body = {}) {
  const answer = await fetch(`${process.env.CONTROL}/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

/** The first event that `matches`, or an error after `ms`. */
export function once(emitter, event, matches = () => true, ms = 15_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      emitter.off(event, listener);
      reject(new Error(`no ${event} within ${ms} ms`));
    }, ms);
    const listener = (...values) => {
      if (!matches(...values)) return;
      clearTimeout(timer);
      emitter.off(event, listener);
      resolve(values);
    };
    emitter.on(event, listener);
  });
}

/** Throws with `what` when `condition` does not hold. */
export function demand(condition, what) {
  if (!condition) throw new Error(what);
}
