import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { parseDuration } from '../config/units.ts'
import type { AdminClient } from './admin-client/admin-client.ts'
import { CliError } from './cli-error.ts'
import type { PurgeOptions } from './operate/purge.ts'
import type { StatusOptions } from './status/status.ts'
import { stdoutTerminal } from './terminal.ts'

interface Common {
  readonly admin?: string
  readonly token?: string
  readonly config?: string
}

/** The commands that operate a running `lb` through its admin listener. Their modules are loaded when they run. */
export function registerAdminCommands(program: Command): void {
  add(program, 'status', 'show backends, their health and load')
    .argument('[pool]', 'only this pool')
    .option('-w, --watch', 'redraw every second')
    .option('--json', 'print JSON')
    .action((pool: string | undefined, options: Common & StatusOptions) =>
      operate(program, options, async (client) => {
        const { status } = await import('./status/status.ts')
        await status(
          client,
          { ...options, ...(pool === undefined ? {} : { pool }) },
          stdoutTerminal,
          untilSignal()
        )
      })
    )

  add(program, 'drain', 'give a backend nothing new; what runs may end')
    .argument('<pool/backend>')
    .option(
      '--wait [duration]',
      'wait until nothing runs over it any more (60s); 1 when something still does',
      duration
    )
    .action((key: string, options: Common & { wait?: number | true }) =>
      operate(program, options, async (client) => {
        const { changeBackend, waitUntilIdle } = await import('./operate/change-backend.ts')
        await changeBackend(client, key, { state: 'drain' }, stdoutTerminal)
        if (options.wait === undefined) return
        await waitUntilIdle(client, key, options.wait === true ? 60_000 : options.wait, stdoutTerminal)
      })
    )

  for (const state of ['ready', 'maint'] as const) {
    const does = { ready: 'put a backend back into service', maint: 'take a backend out of service' }[state]
    add(program, state, does)
      .argument('<pool/backend>')
      .action((key: string, options: Common) =>
        operate(program, options, async (client) => {
          const { changeBackend } = await import('./operate/change-backend.ts')
          await changeBackend(client, key, { state }, stdoutTerminal)
        })
      )
  }

  add(program, 'weight', 'change the weight of a backend')
    .argument('<pool/backend>')
    .argument('<weight>', '1 to 1000', weight)
    .action((key: string, value: number, options: Common) =>
      operate(program, options, async (client) => {
        const { changeBackend } = await import('./operate/change-backend.ts')
        await changeBackend(client, key, { weight: value }, stdoutTerminal)
      })
    )

  add(program, 'reload', 'read the configuration again and say what changed')
    .option('--plan', 'say what would change, and change nothing')
    .action((options: Common & { plan?: boolean }) =>
      operate(program, options, async (client) => {
        const { reload } = await import('./operate/reload.ts')
        await reload(client, options.plan === true, stdoutTerminal)
      })
    )

  add(program, 'purge', 'remove responses from the caches')
    .argument('[url]', 'this URL, in all its variants')
    .option('--prefix <url>', 'every URL that begins so')
    .option('--tag <tag>', 'what carries this Surrogate-Key or Cache-Tag')
    .option('--all', 'everything')
    .option('--cache <name>', 'only in this cache')
    .action((url: string | undefined, options: Common & PurgeOptions) =>
      operate(program, options, async (client) => {
        const { purge } = await import('./operate/purge.ts')
        await purge(client, url, options, stdoutTerminal)
      })
    )
}

function add(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option('-c, --config <file>', 'take address and token from admin in this file'))
    .addOption(new Option('--admin <address>', 'the admin listener (default: http://127.0.0.1:9900)'))
    .addOption(
      new Option('--token <token>', 'the admin token (better in LB_ADMIN_TOKEN: a command line is public)')
    )
}

/** Runs a command against the lb that the options name; failures end as one line and an exit code. */
async function operate(
  program: Command,
  options: Common,
  run: (client: AdminClient) => Promise<void>
): Promise<void> {
  let client: AdminClient | undefined
  try {
    const [{ findTarget }, { AdminClient }] = await Promise.all([
      import('./admin-client/target.ts'),
      import('./admin-client/admin-client.ts')
    ])
    const config = options.config ?? program.opts<{ config?: string }>().config
    const configNamed = options.config !== undefined || program.getOptionValueSource('config') === 'cli'
    client = new AdminClient(
      findTarget({ ...options, ...(config === undefined ? {} : { config }), configNamed }, process.env)
    )
    await run(client)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    process.stderr.write(`lb: ${error.message}\n`)
    process.exitCode = error.exitCode
  } finally {
    await client?.close()
  }
}

/** Aborts at the first Ctrl-C or SIGTERM; the next one ends the process as usual. */
function untilSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('A duration with a unit is expected: 60s, 5m.')
  return ms
}

function weight(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 1000) {
    throw new InvalidArgumentError(
      'A whole number from 1 to 1000 is expected; to take a backend out, drain it.'
    )
  }
  return value
}
