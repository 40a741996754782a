import { parseArgs } from 'node:util'
import { targetNames, type TargetName } from '../targets/target.ts'

export interface Options {
  /** Empty: all that belong to the mode. */
  readonly scenarios: readonly string[]
  /** Undefined: all. `lb` is always in, unless it is left out of a list that is given. */
  readonly targets?: readonly TargetName[]
  readonly mode: 'full' | 'quick' | 'smoke'
  readonly seconds: number
  readonly warmSeconds: number
  readonly rounds: number
  readonly pin: boolean
  /** Scheduling priority of everything that is started; undefined: as everybody. */
  readonly nice?: number
  /** Name of the result file. */
  readonly name: string
}

export const usage = `npm run bench [-- options]

  --quick            the short list of scenarios, 3 rounds of 2 s each (minutes)
  --smoke            only checks that answers are right; no figures (under 30 s)
  --scenario a,b     these scenarios (npm run bench -- --list names them)
  --peers a,b        only these beside lb: ${targetNames.slice(1).join(', ')}; "none" for lb alone
  --without-lb       the peers only
  --rounds n         rounds (5; --quick 3)
  --duration s       seconds per window (3; --quick 2)
  --warm s           seconds of warm-up before the first round (2)
  --no-pin           leave it to the scheduler who runs on which core
  --nice n           run everything with this niceness; -15 (as root) where others use the machine, too
  --name text        name of the result file in bench/results (bench, quick)
  --list             list the scenarios
`

export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Undefined: `--help` or `--list`, as named. */
export function parseOptions(args: readonly string[]): Options | 'help' | 'list' {
  const { values } = parse(args)
  if (values.help === true) return 'help'
  if (values.list === true) return 'list'
  const mode = values.smoke === true ? 'smoke' : values.quick === true ? 'quick' : 'full'
  const number = (text: string | undefined, fallback: number, flag: string): number => {
    const value = text === undefined ? fallback : Number(text)
    if (!(value > 0 && value <= 600))
      throw new UsageError(`--${flag} must be a number from 1 to 600, not ${text}`)
    return value
  }
  const peers = values.peers === 'none' ? [] : list(values.peers)
  const unknown = peers.find((peer) => !(targetNames as readonly string[]).includes(peer))
  if (unknown !== undefined)
    throw new UsageError(`--peers: there is no "${unknown}"; there are ${targetNames.join(', ')}`)
  const withLb = values['without-lb'] !== true
  const chosen = values.peers === undefined ? (withLb ? targetNames : targetNames.slice(1)) : peers
  return {
    scenarios: list(values.scenario),
    // The smoke run asks whether lb answers rightly; the peers have their own tests.
    targets: [
      ...new Set([
        ...(withLb ? ['lb' as const] : []),
        ...(mode === 'smoke' && values.peers === undefined ? [] : chosen)
      ])
    ] as TargetName[],
    mode,
    seconds: number(values.duration, mode === 'quick' ? 2 : 3, 'duration'),
    warmSeconds: number(values.warm, 2, 'warm'),
    rounds: Math.round(number(values.rounds, mode === 'quick' ? 3 : 5, 'rounds')),
    pin: values['no-pin'] !== true,
    ...(values.nice !== undefined && { nice: niceness(values.nice) }),
    name: values.name ?? (mode === 'quick' ? 'quick' : 'bench')
  }
}

function niceness(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= -20 && value <= 19) return value
  throw new UsageError(`--nice must be a whole number from -20 to 19, not ${text}`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        smoke: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        scenario: { type: 'string', multiple: true },
        peers: { type: 'string' },
        'without-lb': { type: 'boolean' },
        rounds: { type: 'string' },
        duration: { type: 'string' },
        warm: { type: 'string' },
        'no-pin': { type: 'boolean' },
        nice: { type: 'string' },
        name: { type: 'string' }
      }
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function list(value: string | readonly string[] | undefined): string[] {
  return [value ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
}
