import { execFile } from 'node:child_process'

const TIMEOUT_MS = 300_000
const MAX_OUTPUT = 65_536

/**
 * Runs the user's program for dns-01, as lego's `exec` does: `present` or `cleanup`, the record's name with its final
 * dot, its text. `present` returns once the authority can see the record. Rejects with the program's error output.
 */
export function runHook(
  hook: readonly string[],
  action: 'present' | 'cleanup',
  name: string,
  text: string
): Promise<void> {
  const [program, ...args] = hook
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, killSignal: 'SIGKILL' as const, maxBuffer: MAX_OUTPUT }
    const child = execFile(program!, [...args, action, name, text], options, (error, _stdout, stderr) => {
      if (error === null) return resolve()
      const said = stderr.trim().split('\n').at(-1)?.slice(0, 300)
      const how =
        error.killed === true
          ? `was ended after ${TIMEOUT_MS / 1_000} s`
          : typeof error.code === 'number'
            ? `ended with ${error.code}`
            : `cannot be run (${error.code ?? error.message})`
      reject(new Error(`the hook ${program} ${how}${said ? `: ${said}` : ''}`, { cause: error }))
    })
    child.stdin?.end()
  })
}
