import { setFlagsFromString } from 'node:v8'

// Flags of V8 are those of the process, so this is for `lb` itself and not for programs that embed it.

/**
 * Before the first worker starts. V8 optimises a function fully once it has been called 3,000 times, counted by the code
 * that a call runs: what runs once per connection stays half optimised for the first 10,000 of them. With 1,000 those cost
 * 0.94 of the CPU; in the end the code is as fast.
 */
export function optimiseSoon(): void {
  setFlagsFromString('--invocation-count-for-turbofan=1000')
}

/**
 * Before the first worker starts. Private fields count as keyed ones, of which V8 puts no more than 12 beside those that an
 * object holds in place: then the object becomes a hash table. An `lb` that had a few requests and then rested could decide
 * that objects hold nothing in place, and took 1.35 times the CPU from then on (docs/discoveries/fields-in-a-hash-table.md).
 */
export function keepFieldsFast(): void {
  setFlagsFromString('--fast-properties-soft-limit=128')
}

// V8 doubles a thread's young generation whenever as much has survived since the last time, up to 64 MB. Under reloads
// the main thread's grew by 22 MB somewhere in the first thousand, which looks like a leak from outside.

/** Before the first worker starts: workers begin with the size that WorkerThread allows at most. */
export function startWorkersGrown(): void {
  setFlagsFromString('--min-semi-space-size=8')
}

/** Once everything runs: the main thread keeps the size that the start needed, about 32 MB. */
export function stopGrowing(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
