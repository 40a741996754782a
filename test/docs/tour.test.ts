import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { blocksOf, root } from './pages.ts'

t.setTimeout(300_000)

const PORTS = ['9001', '9002', '9003', '9101', '9102', '8080', '5433', '9900']

/** The repository as somebody has cloned it, on ports that are free. */
class Clone {
  readonly folder: string
  readonly #ports: ReadonlyMap<string, string>
  #output = ''

  constructor(t: Test, ports: ReadonlyMap<string, string>) {
    this.#ports = ports
    this.folder = t.testdir({ examples: {}, scripts: {}, tools: {} })
    for (const name of ['bin', 'src', 'node_modules', 'package.json'])
      symlinkSync(join(root, name), join(this.folder, name))
    this.#copy('scripts/node-version.js')
    cpSync(join(root, 'examples/backends'), join(this.folder, 'examples/backends'), { recursive: true })
    for (const file of readdirSync(join(root, 'examples')).filter((name) => /\.[jt]s$/.test(name)))
      this.#copy(`examples/${file}`)
    this.#copy('lb.yaml')
    const npx = join(this.folder, 'tools/npx')
    writeFileSync(npx, `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(root, 'bin/lb.js')}" "$@"\n`)
    chmodSync(npx, 0o755)
  }

  #copy(file: string): void {
    writeFileSync(join(this.folder, file), this.moved(readFileSync(join(root, file), 'utf8')))
  }

  /** Text of the pages for the ports of this clone, and back. */
  moved(text: string): string {
    return text.replace(/(?<=[: (]| )\d{4}\b/g, (port) => this.#ports.get(port) ?? port)
  }

  back(text: string): string {
    for (const [theirs, ours] of this.#ports) text = text.replaceAll(ours, theirs)
    return text.replaceAll(this.folder, '/home/me/lb')
  }

  get output(): string {
    return this.back(this.#output)
  }

  /** `npm start`, until it says how to go on. */
  async start(t: Test): Promise<void> {
    const child = spawn(process.execPath, ['examples/start.js'], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], LB_LOG: 'json' }
    })
    t.teardown(async () => {
      child.kill('SIGTERM')
      await once(child, 'close')
    })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => (this.#output += String(text)))
    await this.says(/Ctrl-C ends all/)
  }

  async says(pattern: RegExp): Promise<string> {
    for (let left = 1_000; left > 0; left--) {
      const match = pattern.exec(this.output)
      if (match !== null) return match[0]
      await wait(100)
    }
    throw new Error(`npm start never said ${pattern}: ${this.output}`)
  }

  async run(command: string): Promise<string> {
    const env = { PATH: `${join(this.folder, 'tools')}:${process.env['PATH']}`, LB_LOG: 'json' }
    const child = spawn('sh', ['-c', this.moved(command)], {
      cwd: this.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
    await once(child, 'close')
    return this.back(output)
  }
}

/** Commands of a block with what it shows of their output. */
function commands(block: string): { command: string; shown: string }[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const heredoc = /^[^\n]*<<'YAML'\n[\s\S]*?\nYAML\n/.exec(part)?.[0]
      const command = heredoc ?? part.slice(0, part.indexOf('\n') + 1)
      return { command, shown: part.slice(command.length) }
    })
}

/** What differs from run to run, and the spaces that line columns up with it. */
function masked(text: string): string {
  return text
    .replaceAll(/pid \d+/g, 'pid N')
    .replaceAll(/\b\d+ workers?\b/g, 'N workers')
    .replaceAll(/(?<!")\b\d+(\.\d+)? ?(ms|s|m)\b/g, 'TIME')
    .replaceAll(/\blb-[0-9a-f]{8}\b/g, 'lb-ID')
    .replaceAll(/\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT|\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'DATE')
    .replaceAll(/request number \d+/g, 'request number N')
    .replaceAll(/^(web +b\d +\w+) .*? TIME ago/gm, '$1 COUNTS TIME ago')
    .replaceAll(/TIME +1( +\d+){3} +TIME/g, 'TIME 1 COUNTS TIME')
    .replaceAll(/b[123](?= answers)|(?<=x-backend: |X-Backend-Server: )b[123]/g, 'bN')
    .replaceAll('\r', '')
    .replaceAll(/ +/g, ' ')
    .trim()
}

t.test('the tour of the README shows what is printed', { skip: process.platform !== 'linux' }, async (t) => {
  const ports = new Map<string, string>()
  for (const port of PORTS) ports.set(port, String(await freePort()))
  const clone = new Clone(t, ports)
  const [begin, ask, look, check] = blocksOf('README.md', 'console')
  await clone.start(t)
  const said = clone.output.replaceAll(/^\{.*\n/gm, '')
  t.equal(masked(said), masked(commands(begin!)[0]!.shown))

  const [asked] = commands(ask!)
  t.equal(masked(await clone.run(asked!.command.replace('-i', '-si'))), masked(asked!.shown))

  for (const { command, shown } of commands(look!)) {
    if (command.startsWith('kill')) {
      const pid = /b3 .*pid (\d+)/.exec(clone.output)![1]!
      process.kill(Number(pid))
      await clone.says(/"backend":"b3".*"to":"down"/)
    } else t.equal(masked(await clone.run(command)), masked(shown), command)
  }
  const [line] = blocksOf('README.md', 'json')
  t.equal(masked(await clone.says(/\{[^\n]*"backend":"b3"[^\n]*"to":"down"[^\n]*\}/)), masked(line!))

  for (const { command, shown } of commands(check!))
    t.equal(masked(await clone.run(command)), masked(shown), command)
})
