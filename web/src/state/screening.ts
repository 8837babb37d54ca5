// The form that newcomers fill in before they take part: what is still missing, and what is sent. Pure.

import type { FilledField, FormField, Verification } from "../api/types";

/** Answers by the place of their field. */
export type Answers = Record<number, boolean | number | string>;

/** Whether a moderator decides: as soon as anything is asked beside agreeing to rules. */
export function isReviewed(form: Verification): boolean {
  return form.form_fields.some((field) => field.field_type !== "TERMS");
}

/** How long a text may be, by the kind of its field. */
export const TEXT_LENGTH = { TEXT_INPUT: 150, PARAGRAPH: 1_000 } as const;

function isAnswered(field: FormField, answer: Answers[number] | undefined): boolean {
  switch (field.field_type) {
    case "TERMS":
      return answer === true;
    case "MULTIPLE_CHOICE":
      return typeof answer === "number" && answer >= 0 && answer < field.choices.length;
    default:
      return typeof answer === "string" && answer.trim() !== "" && [...answer].length <= TEXT_LENGTH[field.field_type];
  }
}

/** The places of fields that have to be answered and are not. */
export function missing(form: Verification, answers: Answers): number[] {
  return form.form_fields.flatMap((field, at) => (field.required && !isAnswered(field, answers[at]) ? [at] : []));
}

/** The form as it is sent: every field as it was shown, with its answer where there is one. */
export function filledIn(form: Verification, answers: Answers): { version: string | null; form_fields: FilledField[] } {
  const form_fields = form.form_fields.map((field, at) => {
    const answer = answers[at];
    return answer !== undefined && isAnswered(field, answer) ? { ...field, response: answer } : { ...field };
  });
  return { version: form.version, form_fields };
}
