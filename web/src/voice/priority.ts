// Who is softer while a priority speaker talks (Discord: Speaking, flag 1<<2). Pure; whoever knows flags
// and levels tells.

import type { Snowflake } from "../api/types";

/** What is left of the others' volume: still to be followed, and clearly behind. */
export const LOWERED = 0.2;

export class Priority {
  private readonly flagged = new Set<Snowflake>();
  private readonly speaking = new Set<Snowflake>();

  /** Somebody speaks with priority from now on, or without. Whether volumes change. */
  flag(userId: Snowflake, on: boolean): boolean {
    return this.change(() => (on ? this.flagged.add(userId) : this.flagged.delete(userId)));
  }

  /** Somebody is heard, or falls silent. Whether volumes change. */
  speaks(userId: Snowflake, on: boolean): boolean {
    return this.change(() => (on ? this.speaking.add(userId) : this.speaking.delete(userId)));
  }

  /** Somebody left. Whether volumes change. */
  forget(userId: Snowflake): boolean {
    return this.change(() => {
      this.flagged.delete(userId);
      this.speaking.delete(userId);
    });
  }

  /** The call is over. */
  clear(): void {
    this.flagged.clear();
    this.speaking.clear();
  }

  /** What a person's volume is multiplied by. */
  factor(userId: Snowflake): number {
    const talking = this.talking();
    return talking.length === 0 || talking.includes(userId) ? 1 : LOWERED;
  }

  private talking(): Snowflake[] {
    return [...this.flagged].filter((userId) => this.speaking.has(userId));
  }

  private change(by: () => unknown): boolean {
    const before = this.talking().join();
    by();
    return this.talking().join() !== before;
  }
}
