import { InvalidArgumentError, Option } from 'commander'
import type { Command } from 'commander'
import { parseDuration } from '../config/units.ts'
import type { AdminClient } from './admin-client/admin-client.ts'
import { CliError } from './cli-error.ts'
import type { ExplainOptions } from './operate/explain.ts'
import type { PurgeOptions } from './operate/purge.ts'
import type { StatusOptions } from './status/status.ts'
import { stdoutTerminal } from './terminal.ts'

interface Common {
  readonly admin?: string
  readonly token?: string
  readonly config?: string
}

/** The commands for a running `lb`, through its admin listener. Their modules are loaded when they run. */
export function registerAdminCommands(program: Command): void {
  add(program, 'status', 'show backends, their health and load')
    .argument('[pool]', 'only this pool')
    .option('-w, --watch', 'redraw every second')
    .option('--json', 'print JSON')
    .option('--all', 'every certificate, however many there are')
    .action((pool: string | undefined, options: Common & StatusOptions) =>
      operate(program, options, async (client) => {
        const { status } = await import('./status/status.ts')
        await status(
          client,
          { ...options, ...(pool === undefined ? {} : { pool }) },
          stdoutTerminal,
          options.watch === true ? untilQuit() : untilSignal()
        )
      })
    )

  add(program, 'drain', 'give a backend nothing new; what runs may end')
    .argument('<pool/backend>', 'name as in `lb status`: web/10.0.0.1:8080')
    .option(
      '--wait [duration]',
      'wait until it has no active requests and connections (60s); exit with 1 if it still has some',
      duration
    )
    .option('--sessions <duration>', 'keep clients with its sticky cookie for this long (2h)', asWritten)
    .action((key: string, options: Common & { wait?: number | true; sessions?: string }) =>
      operate(
        program,
        options,
        async (client) => {
          const { changeBackend, waitUntilIdle } = await import('./operate/change-backend.ts')
          const { sessions } = options
          const change = { state: 'drain', ...(sessions !== undefined && { sessions }) } as const
          await changeBackend(client, key, change, stdoutTerminal)
          if (options.wait === undefined) return
          await waitUntilIdle(client, key, options.wait === true ? 60_000 : options.wait, stdoutTerminal)
        },
        true
      )
    )

  for (const state of ['ready', 'maint'] as const) {
    const does = { ready: 'put a backend back into service', maint: 'take a backend out of service' }[state]
    add(program, state, does)
      .argument('<pool/backend>', 'name as in `lb status`: web/10.0.0.1:8080')
      .action((key: string, options: Common) =>
        operate(
          program,
          options,
          async (client) => {
            const { changeBackend } = await import('./operate/change-backend.ts')
            await changeBackend(client, key, { state }, stdoutTerminal)
          },
          true
        )
      )
  }

  add(program, 'weight', 'change the weight of a backend')
    .argument('<pool/backend>', 'name as in `lb status`: web/10.0.0.1:8080')
    .argument('<weight>', '1 to 1000', weight)
    .action((key: string, value: number, options: Common) =>
      operate(
        program,
        options,
        async (client) => {
          const { changeBackend } = await import('./operate/change-backend.ts')
          await changeBackend(client, key, { weight: value }, stdoutTerminal)
        },
        true
      )
    )

  add(program, 'reload', 'read the configuration again and say what changed')
    .option('--plan', 'say what would change, and change nothing')
    .action((options: Common & { plan?: boolean }) =>
      operate(
        program,
        options,
        async (client) => {
          const { reload } = await import('./operate/reload.ts')
          await reload(client, options.plan === true, stdoutTerminal)
        },
        true
      )
    )

  add(program, 'purge', 'remove responses from the caches')
    .argument('[url...]', 'these URLs, in all their variants')
    .option('--prefix <url...>', 'every URL that begins with one of these')
    .option('--tag <tag...>', 'every response with one of these as Surrogate-Key or Cache-Tag')
    .option('--all', 'everything')
    .option(
      '--soft',
      'keep them as stale: they are revalidated, and stand in meanwhile where stale responses may'
    )
    .option('--cache <name>', 'only in this cache')
    .action((urls: readonly string[], options: Common & PurgeOptions) =>
      operate(
        program,
        options,
        async (client) => {
          const { purge } = await import('./operate/purge.ts')
          await purge(client, urls, options, stdoutTerminal)
        },
        true
      )
    )

  add(
    program,
    'explain',
    'show what would happen to a request: route, pool, cache',
    'explain by this file, without a running lb'
  )
    .argument('<url>', 'as a client would ask for it: https://example.com/path?query')
    .option('-X, --request <method>', 'method of the request (default: GET)')
    .option('-H, --header <line>', "field of the request: 'Accept-Language: de'; may be repeated", lines)
    .option('--client <address>', 'address of the client (default: 127.0.0.1)')
    .option('--listener <name>', 'listener that gets it, if scheme and port of the URL do not decide')
    .option('--http2', 'it comes by HTTP/2')
    .option('--status <code>', 'assume this status from the backend: would the response be stored?', status)
    .option('--response-header <line>', 'with this field of the response; may be repeated', lines)
    .option('--json', 'print JSON')
    .action((url: string, options: Common & ExplainOptions) => explainRequest(program, url, options))
}

async function explainRequest(
  program: Command,
  url: string,
  options: Common & ExplainOptions
): Promise<void> {
  const { explainBody, printExplanation } = await import('./operate/explain.ts')
  const body = explainBody(url, options)
  const print = (view: Parameters<typeof printExplanation>[0]) =>
    printExplanation(view, options.json === true, stdoutTerminal)
  // A file named by the user is explained, unless an lb is named too: then the file only provides the token.
  const file = namedConfig(program, options)
  if (file === undefined || options.admin !== undefined)
    return operate(program, options, async (client) => print(await client.explain(body)))
  await failing(async () => {
    const { explainByFile } = await import('./operate/explain-by-file.ts')
    print(await explainByFile(file, body))
  })
}

function add(
  program: Command,
  name: string,
  description: string,
  config = 'read address and token from admin in this file'
): Command {
  return program
    .command(name)
    .description(description)
    .addOption(new Option('-c, --config <file>', config))
    .addOption(new Option('--admin <address>', 'the admin listener (default: http://127.0.0.1:9900)'))
    .addOption(
      new Option(
        '--token <token>',
        'the admin token (better in LB_ADMIN_TOKEN: other users can see command lines)'
      )
    )
}

/** Runs a command on the lb that the options name; failures end with one line and an exit code. */
async function operate(
  program: Command,
  options: Common,
  run: (client: AdminClient) => Promise<void>,
  changes = false
): Promise<void> {
  let client: AdminClient | undefined
  await failing(async () => {
    const [{ findTarget }, { AdminClient }] = await Promise.all([
      import('./admin-client/target.ts'),
      import('./admin-client/admin-client.ts')
    ])
    const named = namedConfig(program, options)
    const config = named ?? program.opts<{ config?: string }>().config
    const configNamed = named !== undefined
    client = new AdminClient(
      findTarget({ ...options, ...(config === undefined ? {} : { config }), configNamed }, process.env)
    )
    const instance = changes ? await client.instance() : undefined
    if (instance !== undefined) process.stderr.write(`lb: at ${instance}\n`)
    await run(client)
  })
  await client?.close()
}

/** Failures that are reported in one line. */
async function failing(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    process.stderr.write(`lb: ${error.message}\n`)
    process.exitCode = error.exitCode
  }
}

/** The file that the user named on the command line, if any. */
function namedConfig(program: Command, options: Common): string | undefined {
  if (options.config !== undefined) return options.config
  return program.getOptionValueSource('config') === 'cli'
    ? program.opts<{ config?: string }>().config
    : undefined
}

/**
 * Aborts at the first Ctrl-C or SIGTERM, the second of which ends the process as usual, and when nobody reads the output
 * any more: `lb status --watch | head`.
 */
function untilSignal(): AbortSignal {
  const controller = new AbortController()
  process.stdout.once('error', () => controller.abort())
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}

/** The same, or at a `q`, as with top and less. */
function untilQuit(): AbortSignal {
  const { stdin } = process
  const signal = untilSignal()
  if (!stdin.isTTY || !process.stdout.isTTY) return signal
  const controller = new AbortController()
  const stop = () => {
    stdin.setRawMode(false)
    stdin.pause()
    controller.abort()
  }
  signal.addEventListener('abort', stop, { once: true })
  stdin.setRawMode(true)
  stdin.on('data', (keys) => {
    // In raw mode Ctrl-C arrives as a character.
    if (/[qQ\x03]/.test(String(keys))) stop()
  })
  return controller.signal
}

function duration(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('A duration with a unit is expected: 60s, 5m.')
  return ms
}

/** Unchanged, for the API to parse. */
function asWritten(text: string): string {
  duration(text)
  return text
}

function lines(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text]
}

function status(text: string): number {
  if (!/^[2-5]\d\d$/.test(text)) throw new InvalidArgumentError('A status from 200 to 599 is expected.')
  return Number(text)
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
