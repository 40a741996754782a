import { setFlagsFromString } from 'node:v8'

// V8 doubles a thread's young generation whenever as much has survived since the last time, up to 64 MB. Under reloads
// the main thread's grew by 22 MB somewhere in the first thousand, which looks like a leak from outside. Flags are
// those of the process, so this is for `lb` itself and not for programs that embed it.

/** Before the first worker: theirs begin with the size at which WorkerThread ends them. */
export function startWorkersGrown(): void {
  setFlagsFromString('--min-semi-space-size=8')
}

/** Once everything runs: the main thread's stays as large as the start made it, 32 MB or so. */
export function stopGrowing(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
