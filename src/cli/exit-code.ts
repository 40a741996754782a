/** Exit codes. */
export const exitCode = {
  ok: 0,
  /** `lb` cannot run: an address is taken, a file cannot be read, a running `lb` does not answer. */
  cannotRun: 1,
  /** The command line or the configuration is wrong. */
  usage: 2
} as const
