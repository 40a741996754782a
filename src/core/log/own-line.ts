/** What a log tells of itself, as a line without its end. */
export type OwnLine = (level: 'warn' | 'error', message: string, dropped?: number) => string

export const ownJson: OwnLine = (level, message, dropped) =>
  JSON.stringify({
    level,
    time: new Date().toISOString(),
    ...(dropped !== undefined && { dropped }),
    msg: message
  })

/**
 * A comment, for files of another format: programs that read access logs (AWStats, GoAccess) skip lines that begin with #,
 * and those that know no comments count one bad line, as they would with JSON.
 */
export const ownComment: OwnLine = (level, message, dropped) =>
  `# ${new Date().toISOString()} ${level} ${dropped === undefined ? '' : `${dropped} `}${message}`
