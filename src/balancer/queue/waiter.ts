/** A place in a queue. */
export interface Waiter {
  cancel(): void
}
