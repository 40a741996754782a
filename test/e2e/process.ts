import { spawn, type ChildProcess } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'

const bin = resolve(import.meta.dirname, '../../bin/lb.js')

export interface LbProcess {
  readonly child: ChildProcess
  /** Standard output and error so far. */
  readonly output: () => string
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Resolves once `text` is in the output. */
  says(text: string | RegExp): Promise<void>
}

/** `lb --config` as a process of its own, over a file with this content. */
export function spawnLb(
  t: Test,
  yaml: string,
  args: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {}
): LbProcess {
  const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
  writeFileSync(file, yaml)
  const child = spawn(process.execPath, [bin, '--config', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: '', LB_LOG: 'json', ...environment }
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  let wake = () => {}
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      output += part
      wake()
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    wake()
    return (code ?? signal) as number | string
  })
  return {
    child,
    ended,
    output: () => output,
    async says(text) {
      while (!(typeof text === 'string' ? output.includes(text) : text.test(output))) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${output}`)
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
  }
}
