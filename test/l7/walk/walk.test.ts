import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import type { Walk } from './traced-request.ts'

// How many files somebody has to read who follows one request: `node --import ./test/l7/walk/trace-hooks.ts
// test/l7/walk/traced-request.ts --tree` shows the calls.

const hooks = pathToFileURL(join(import.meta.dirname, 'trace-hooks.ts')).href
const { stdout, stderr } = spawnSync(
  process.execPath,
  ['--import', hooks, join(import.meta.dirname, 'traced-request.ts')],
  { encoding: 'utf8', timeout: 60_000 }
)

t.test('a small GET over a kept connection enters at most 40 files, and 12 of them again', async (t) => {
  if (stdout === '') {
    t.fail(stderr)
    return
  }
  const { files, calledBack } = JSON.parse(stdout) as Walk
  t.ok(files.includes('l7/exchange/exchange.ts') && files.includes('net/transport/raw-transport.ts'))
  t.ok(files.length <= 40, `${files.length} files:\n${files.join('\n')}`)
  const again = Object.keys(calledBack)
  t.ok(again.length <= 12, `${again.length} files call each other: ${JSON.stringify(calledBack)}`)
  const page = readFileSync(join(import.meta.dirname, '../../../docs/life-of-a-request.md'), 'utf8')
  const section = /\n## The walk\n(.*?)\n## /s.exec(page)?.[1] ?? ''
  const rows = [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, file]) => file)
  t.strictSame(rows, files, 'docs/life-of-a-request.md walks over the same files in this order')
  t.match(section, `${files.length} files`)
  const named = [...section.matchAll(/^\| `([^`]+)` \|.*\| again: /gm)].map(([, file]) => file)
  t.strictSame(named.toSorted(), again.toSorted(), 'and says which are entered again')
})
