import { Command, InvalidArgumentError, Option } from 'commander'
import type { LogLevel } from '../config/model/model.ts'
import { LEVELS } from '../core/log/host-logger.ts'
import { suggestion } from '../config/report/nearest.ts'
import type { CheckFormat } from './check.ts'
import { registerAdminCommands } from './admin-commands.ts'
import { packageVersion } from '../core/package-version.ts'

interface RootOptions {
  readonly config: string
  readonly logLevel?: LogLevel
  readonly watch?: boolean
}

/** The command line. Each command's module is loaded when it runs, so that `lb check` loads no more than it needs. */
export function createProgram(): Command {
  const program = new Command('lb')
    .description('A Layer 4 and Layer 7 load balancer in one process and one YAML file.')
    .version(`lb ${packageVersion()}`, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // `lb status --watch` is an option of the command, not of `lb`.
    .enablePositionalOptions()
    .showHelpAfterError('(lb --help lists the commands and options)')
    .addOption(configOption().default('./lb.yaml'))
    .addOption(logLevelOption())
    .option('--watch', WATCH)
    .addHelpText('after', EXIT_CODES)

  program
    .command('check')
    .alias('validate')
    .description('report what is wrong with a configuration')
    .argument('[files...]', 'YAML files, "-" for standard input (default: that of --config)')
    .addOption(configOption())
    .addOption(
      new Option('--format <format>', 'output format').choices(['text', 'json', 'github']).default('text')
    )
    .option('--json', 'the same as --format json')
    .action(async (files: string[], options: { config?: string; format: CheckFormat; json?: boolean }) => {
      const { check } = await import('./check.ts')
      const named = files.length > 0 ? files : [options.config ?? program.opts<RootOptions>().config]
      await check(named, options.json === true ? 'json' : options.format)
    })
  program
    .command('test')
    .description('run the tests of a configuration')
    .argument('[files...]', 'YAML files, "-" for standard input (default: that of --config)')
    .addOption(configOption())
    .action(async (files: string[], options: { config?: string }) => {
      const { test } = await import('./test.ts')
      await test(files.length > 0 ? files : [options.config ?? program.opts<RootOptions>().config])
    })
  program
    .command('schema')
    .description('print the JSON Schema of the YAML, for editors')
    .addOption(new Option('-c, --config <file>', 'include the keys of the plugins in this file'))
    .action(async ({ config }: { config?: string }) => {
      const { printSchema } = await import('./schema.ts')
      await printSchema(config)
    })
  program
    .command('run', { hidden: true })
    .description('run the load balancer; the same as no command')
    .argument('[file]', 'YAML file (default: that of --config)')
    .addOption(configOption())
    .addOption(logLevelOption())
    .option('--watch', WATCH)
    .action(async (file: string | undefined, options: Partial<RootOptions>) => {
      const { run } = await import('./run.ts')
      const given = { ...program.opts<RootOptions>(), ...options }
      await run(file === undefined ? given : { ...given, config: file })
    })
  program
    .command('version', { hidden: true })
    .description('print the version')
    .action(() => void process.stdout.write(`lb ${packageVersion()}\n`))
  program
    .command('dev-cert')
    .description('create a certificate for development, and explain how to trust it')
    .argument('[names...]', 'names and addresses (default: localhost)')
    .option('--dir <folder>', 'folder to write it to', './lb-dev')
    .action(async (names: string[], { dir }: { dir: string }) => {
      const { devCert } = await import('./dev-cert.ts')
      await devCert(names, dir)
    })
  program.commandsGroup('Commands for a running lb:')
  registerAdminCommands(program)
  // Last, since commands inherit what is set before them. An unknown word is explained here.
  program.allowExcessArguments().action(async () => {
    if (program.args.length > 0) program.error(`error: ${unknownCommand(program)}`)
    const { run } = await import('./run.ts')
    await run(program.opts<RootOptions>())
  })
  return program
}

function unknownCommand(program: Command): string {
  const word = program.args[0]!
  if (/\.ya?ml$/.test(word)) return `unknown command '${word}'; did you mean "lb --config ${word}"?`
  const names = program.commands.map((command) => command.name())
  return `unknown command '${word}'${suggestion(word, names)}`
}

const WATCH = 'reload when the file or a certificate changes'
const EXIT_CODES = `
Exit codes:
  0  done, or stopped as it was asked to
  1  it could not be done: an address is taken, no lb answers, time is up
  2  the configuration or the command line is wrong`

function logLevelOption(): Option {
  return new Option('--log-level <level>', 'overrides the level in the file').choices(LEVELS)
}

function configOption(): Option {
  return new Option('-c, --config <file>', 'the YAML file').argParser(nonEmpty)
}

function nonEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('It must not be empty.')
  return value
}
