import { contain, type Contained } from '../../../core/containment.ts'

/** Something that gathered bytes to be written. */
export interface Flushes extends Contained {
  flushTurn(): void
}

let gathered: Flushes[] = []

/**
 * Has `flushTurn` called once at the end of this turn of the event loop. What came from several upstream connections then
 * goes to a client in one write: 11.9 µs a request where one write each costs 16.5 (16 connections × 10 streams).
 */
export function atEndOfTurn(one: Flushes): void {
  if (gathered.push(one) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  const now = gathered
  gathered = []
  for (const one of now) {
    try {
      one.flushTurn()
    } catch (error) {
      contain(error, one)
    }
  }
}
