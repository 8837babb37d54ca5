// What stands where a newcomer would write: the rules, questions, and one button. Nothing pops up.

import { createResource, createSignal, createUniqueId, For, Index, Match, Show, Switch } from "solid-js";
import { errorText, hall, rest } from "../app";
import type { FormField } from "../api/types";
import type { Guild } from "../state/guilds";
import { filledIn, isReviewed, missing, TEXT_LENGTH, type Answers } from "../state/screening";
import { en } from "../strings/en";

export function Screening(props: { guild: Guild }) {
  return (
    <section class="screening" aria-labelledby="screening-title" data-testid="screening">
      <h2 id="screening-title">{en.screening.title}</h2>
      <Show when={hall.requests[props.guild.id] !== "SUBMITTED"} fallback={<p role="status">{en.screening.waits}</p>}>
        <Form guild={props.guild} />
      </Show>
    </section>
  );
}

function Form(props: { guild: Guild }) {
  const [form, { refetch }] = createResource(() => props.guild.id, (id) => rest.verification(id));
  const [answers, setAnswers] = createSignal<Answers>({});
  const [busy, setBusy] = createSignal(false);
  const [problem, setProblem] = createSignal<string | null>(null);
  const answer = (at: number, value: Answers[number]) => setAnswers({ ...answers(), [at]: value });

  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const asked = form();
    if (!asked || busy()) return;
    if (missing(asked, answers()).length) return setProblem(en.screening.unfinished);
    setBusy(true);
    setProblem(null);
    try {
      await rest.fillIn(props.guild.id, filledIn(asked, answers()));
    } catch (error) {
      setProblem(errorText(error));
      // It may have changed since it was read.
      void refetch();
    }
    setBusy(false);
  };

  return (
    <Switch fallback={<p class="muted" role="status">{en.screening.loading}</p>}>
      <Match when={form.error}>
        <p class="form-problem" role="alert">{en.screening.failed}</p>
        <button type="button" class="button" onClick={() => void refetch()}>{en.screening.again}</button>
      </Match>
      <Match when={form.latest}>
        {(asked) => (
          <form onSubmit={(event) => void send(event)} novalidate>
            <Show when={asked().description}>{(text) => <p class="muted">{text()}</p>}</Show>
            <Index each={asked().form_fields}>
              {(field, at) => <Field field={field()} value={answers()[at]} onAnswer={(value) => answer(at, value)} />}
            </Index>
            <Show when={problem()}>{(text) => <p class="form-problem" role="alert">{text()}</p>}</Show>
            <button type="submit" class="button primary" disabled={busy()} data-testid="screening-send">
              {busy() ? en.screening.busy : isReviewed(asked()) ? en.screening.ask : en.screening.enter}
            </button>
          </form>
        )}
      </Match>
    </Switch>
  );
}

function Field(props: { field: FormField; value: Answers[number] | undefined; onAnswer: (value: Answers[number]) => void }) {
  const id = createUniqueId();
  const optional = () => (props.field.required ? "" : ` ${en.screening.optional}`);
  const below = () => (props.field.description ? `${id}-below` : undefined);
  const text = () => (typeof props.value === "string" ? props.value : "");
  const kind = <T extends FormField["field_type"]>(wanted: T) =>
    props.field.field_type === wanted ? (props.field as FormField & { field_type: T }) : null;
  return (
    <div class="field">
      <Switch>
        <Match when={kind("TERMS")}>
          {(terms) => (
            <fieldset>
              <legend>{terms().label}</legend>
              <ol><For each={terms().values}>{(rule) => <li>{rule}</li>}</For></ol>
              <label class="check">
                <input
                  type="checkbox"
                  checked={props.value === true}
                  required={terms().required}
                  aria-describedby={below()}
                  onChange={(event) => props.onAnswer(event.currentTarget.checked)}
                />
                {en.screening.agree}
              </label>
            </fieldset>
          )}
        </Match>
        <Match when={kind("MULTIPLE_CHOICE")}>
          {(asked) => (
            <fieldset>
              <legend>{asked().label}{optional()}</legend>
              <For each={asked().choices}>
                {(choice, nth) => (
                  <label class="check">
                    <input
                      type="radio"
                      name={id}
                      checked={props.value === nth()}
                      aria-describedby={below()}
                      onChange={() => props.onAnswer(nth())}
                    />
                    {choice}
                  </label>
                )}
              </For>
            </fieldset>
          )}
        </Match>
        <Match when={kind("TEXT_INPUT")}>
          {(asked) => (
            <>
              <label for={id}>{asked().label}{optional()}</label>
              <input
                id={id}
                type="text"
                value={text()}
                required={asked().required}
                maxlength={TEXT_LENGTH.TEXT_INPUT}
                placeholder={asked().placeholder ?? undefined}
                aria-describedby={below()}
                onInput={(event) => props.onAnswer(event.currentTarget.value)}
              />
            </>
          )}
        </Match>
        <Match when={kind("PARAGRAPH")}>
          {(asked) => (
            <>
              <label for={id}>{asked().label}{optional()}</label>
              <textarea
                id={id}
                rows={3}
                value={text()}
                required={asked().required}
                maxlength={TEXT_LENGTH.PARAGRAPH}
                placeholder={asked().placeholder ?? undefined}
                aria-describedby={below()}
                onInput={(event) => props.onAnswer(event.currentTarget.value)}
              />
            </>
          )}
        </Match>
      </Switch>
      <Show when={props.field.description}>{(said) => <p class="muted small" id={`${id}-below`}>{said()}</p>}</Show>
    </div>
  );
}
