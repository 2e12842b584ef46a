/** Values that are equal are one object: cheap to compare, to number and to remember. */

export type Interned<Value> = Value & { number: number };

/** Gives the object made first for a key; `make` has to give equal values for equal keys. */
export type Intern<Value> = (key: string, make: () => Value) => Interned<Value>;

export function createIntern<Value extends object>(): Intern<Value> {
  const known = new Map<string, Interned<Value>>();
  return (key, make) => {
    const found = known.get(key);
    if (found) return found;
    const value = Object.assign(make(), { number: known.size });
    known.set(key, value);
    return value;
  };
}
