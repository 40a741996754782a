import { defaults } from '../../defaults.ts'
import { mapping } from '../leaf/leaf.ts'
import { integer, size } from '../leaf/leaves.ts'
import { firstOf, loneText } from '../leaf/lone.ts'
import { filePath } from '../leaf/network-leaves.ts'

/** Where the lines of an access log go. */
export function logPlace() {
  return {
    file: filePath()
      .optional()
      .describe('A file for these lines, opened anew by SIGUSR1; left out: where all other lines go.'),
    rotate: mapping(
      {
        size: size({ min: 65_536, example: '100mb' }).describe('A file this long is moved away, to `.1`.'),
        keep: integer(0, 1000).prefault(defaults.listener.accessLog.keep).describe('Old files that are kept.')
      },
      {
        lone: firstOf(loneText('size', /^\d/), (value) =>
          typeof value === 'string'
            ? 'lb rotates by size, { size: 100mb }; by time logrotate does, with SIGUSR1'
            : undefined
        )
      }
    )
      .optional()
      .describe('Have `lb` rotate `file` itself; left out: logrotate does, with SIGUSR1.')
  }
}
