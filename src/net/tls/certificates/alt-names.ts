/** Parses X509Certificate's `subjectAltName` into `DNS:a.example`, `IP:10.0.0.1`, `URI:…`, `email:…`. */
export function altNames(text: string): string[] {
  const names: string[] = []
  // Node joins the names by ", " and quotes ambiguous ones as JSON.
  for (const match of text.matchAll(/(?:^|, )([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g)) {
    const [, kind, quoted, plain] = match
    const value = quoted === undefined ? plain! : (JSON.parse(quoted) as string)
    names.push(`${kind === 'IP Address' ? 'IP' : kind!}:${value}`)
  }
  return names
}
