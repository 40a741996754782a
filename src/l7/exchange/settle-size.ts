/** V8 decides at the seventh. */
const OBJECTS = 8

/**
 * Has V8 decide how many fields the objects of a class hold in place, by objects that `make` creates and nobody keeps; it
 * must have no side effects. Otherwise a full collection among the first objects can have it decide on none
 * (docs/discoveries/fields-in-a-hash-table.md).
 */
export function settleSize(make: () => object): void {
  const alive: object[] = []
  while (alive.length < OBJECTS) alive.push(make())
}
