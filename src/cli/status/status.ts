import type {
  CacheView,
  CertificatesView,
  InfoView,
  ListenerView,
  PoolView
} from '../../admin/control-plane.ts'
import type { AdminClient } from '../admin-client/admin-client.ts'
import { CliError } from '../cli-error.ts'
import { filterPools } from '../operate/find-backend.ts'
import type { Terminal } from '../terminal.ts'
import { renderCaches } from './cache-table.ts'
import { certificateLines, stapleLines } from './certificate-lines.ts'
import { renderStatus } from './status-table.ts'
import { Screen } from './screen.ts'

export interface StatusOptions {
  readonly json?: boolean
  readonly watch?: boolean
  /** Every certificate, however many there are. */
  readonly all?: boolean
  /** Only this pool. */
  readonly pool?: string
}

const PERIOD_MS = 1_000

interface Picture extends CertificatesView {
  readonly info: InfoView
  readonly listeners: readonly ListenerView[]
  readonly pools: readonly PoolView[]
  readonly caches: readonly CacheView[]
}

/** `lb status`: prints the table once, or again every second until `signal` aborts. */
export async function status(
  client: AdminClient,
  options: StatusOptions,
  terminal: Terminal,
  signal: AbortSignal
): Promise<void> {
  if (options.json === true) {
    do {
      const shown = await ask(client, options)
      // With --watch, one line per update, so that a program can tell where one ends.
      terminal.write(`${JSON.stringify(shown, null, options.watch === true ? 0 : 2)}\n`)
    } while (options.watch === true && (await pause(signal)))
    return
  }
  if (options.watch !== true) {
    terminal.write(`${(await look(client, options, terminal)).join('\n')}\n`)
    return
  }
  // The first call decides whether there is anything to watch.
  let lines = await look(client, options, terminal)
  const screen = new Screen(terminal)
  screen.show(lines)
  const stopped = aborted(signal)
  try {
    while (await pause(signal)) {
      const next = await Promise.race([lookAgain(client, options, terminal), stopped])
      if (next === undefined) break
      lines = next
      screen.show(lines)
    }
  } finally {
    screen.close(lines)
  }
}

/** A user who watches a restart wants to see the end of it. */
async function lookAgain(client: AdminClient, options: StatusOptions, terminal: Terminal): Promise<string[]> {
  try {
    return await look(client, options, terminal)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return wrap(`${error.message} Trying again every second; Ctrl-C ends.`, terminal.columns)
  }
}

async function look(client: AdminClient, options: StatusOptions, terminal: Terminal): Promise<string[]> {
  const { info, listeners, pools, caches, certificates, staples } = await ask(client, options)
  // With a pool given, listeners are not shown.
  const shown = options.pool === undefined ? listeners : []
  const { columns: width, color } = terminal
  // By lb's clock, which may be another machine's.
  const table = renderStatus(info, shown, pools, { width, color, now: Date.parse(info.now) })
  const cached = renderCaches(caches, { width, color })
  const ours = [...certificateLines(certificates, options.all), ...stapleLines(staples, options.all)]
  return [...table, ...cached, ...ours]
}

async function ask(client: AdminClient, { pool }: StatusOptions): Promise<Picture> {
  const [info, all, pools, caches, tls] = await Promise.all([
    client.info(),
    client.listeners(),
    client.pools(),
    pool === undefined ? client.caches() : [],
    client.certificates()
  ])
  const listeners = pool === undefined ? all : all.filter(({ pools }) => pools.includes(pool))
  const shown = pool === undefined ? tls : { certificates: [], staples: [] }
  return { info, listeners, pools: filterPools(pools, pool), caches, ...shown }
}

/** False once aborted. */
function pause(signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve(true)
    }, PERIOD_MS)
    signal.addEventListener('abort', stop, { once: true })
  })
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

/** A line that the terminal wraps itself would push the others down. */
function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const longer = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`
    if (longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}
